"""What the supervisor of a jailed child does once a second: keep the lease, show progress, stop when told to."""

import contextlib
import math
import time
from pathlib import Path
from typing import Any

from archdb import Experiment, Running, Store, StoreUnavailable, get_running, home, impatient, renew, show_running
from archdb.governance import require_not_stopped
from evaluation import Exit, Progress
from tasks.sandbox.jail import jail

BRIEFLY = 2.0  # seconds that the store is waited for
MOST_POINTS = 120  # of a streamed loss; beyond that every second one is dropped


class Watch:
    """The supervision of one stage in flight. ``launch`` goes to evaluation, ``on_progress`` too."""

    def __init__(self, store: Store, experiment: Experiment, token: int, stage: str) -> None:
        now = time.time()
        self.store, self.token = store, token
        self.shown = get_running(store, experiment.id) or Running(
            id=experiment.id, campaign=experiment.campaign, name=experiment.name, stage=stage, since=now, at=now
        )
        self.looked = time.monotonic()
        self.jailed = jail(self.every_second)

    def launch(self, *args: Any, **given: Any) -> Exit:
        """A child, after a look if the last one is a second ago: many short children are watched like a long one."""
        if time.monotonic() - self.looked >= 1.0:
            self.every_second()
        return self.jailed(*args, **given)

    def every_second(self) -> None:
        """End the child if its campaign was stopped (raises Halted), renew the lease (raises LeaseLost when another
        worker took over) and publish where training stands.

        While the store is away the child goes on: its result is what the store has to be back for.
        """
        self.looked = time.monotonic()
        self.shown = self.shown.model_copy(update={"at": time.time()})
        with contextlib.suppress(StoreUnavailable), impatient(BRIEFLY):
            require_not_stopped(self.store, self.shown.campaign)
            renew(self.store, self.shown.id, self.token)
            show_running(self.store, self.shown)

    def on_progress(self, progress: Progress) -> None:
        if not math.isfinite(progress.loss):
            return  # it diverged: the child's end will say so
        losses = dict(self.shown.losses)
        curve = [*losses.get(progress.task, []), progress.loss]
        losses[progress.task] = curve if len(curve) < MOST_POINTS else curve[::2]
        self.shown = self.shown.model_copy(
            update={
                "task": progress.task,
                "step": progress.step,
                "steps": progress.steps,
                "loss": progress.loss,
                "fraction": progress.fraction,
                "losses": losses,
            }
        )


def work_folder(experiment: Experiment, stage: str, seed: int | None = None) -> Path:
    """The folder of one stage of one attempt at one source, created empty or found again after a crash."""
    name = f"{stage}-{experiment.attempt}-{(experiment.code or '')[:8]}" + ("" if seed is None else f"-s{seed}")
    folder = home() / "work" / experiment.id / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
