"""What a person sees while a campaign runs: every cycle in flight, losses, the leaderboard, the time left.

All of it is read from the store once a second, so `archloop status --watch` in another terminal shows the same.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archdb import (
    Campaign,
    Experiment,
    Outline,
    Running,
    StoreUnavailable,
    Watch,
    find_experiments,
    get_campaign,
    list_running,
    open_store,
)
from flows.cli.tables import leaderboard_table, sparkline

SHOWN_ON_LEADERBOARD = 8


class Snapshot(BaseModel):
    """The state of a campaign at one moment."""

    model_config = ConfigDict(frozen=True)

    campaign: Campaign
    designs: tuple[Outline, ...]
    in_flight: tuple[Experiment, ...]
    running: tuple[Running, ...]
    trainings: int  # of the baselines together
    parallel: int  # designs evaluated at a time

    @property
    def finished(self) -> int:
        return sum(one.kind == "candidate" and one.state != "open" for one in self.designs)

    @property
    def ranked(self) -> list[Outline]:
        scored = [one for one in self.designs if one.fitness is not None]
        return sorted(scored, key=lambda one: -(one.fitness or 0.0))

    @property
    def seconds_left(self) -> float | None:
        """Mean time of a training with all that belongs to it, times what is left, over what runs side by side; None
        while nothing has been measured. Ablations are not foreseen.
        """
        own = [one for one in self.designs if one.kind in ("baseline", "candidate", "verification")]
        ended = [one for one in own if one.state != "open"]
        at_work = [one for one in self.in_flight if one.state == "open" and one.kind != "ablation"]
        trained = sum(stage.stage == "benchmark" for one in at_work for stage in one.stages.values())
        done = sum(len(one.seeds) for one in ended) + trained
        if not done:
            return None
        spent = sum(one.seconds for one in ended) + sum(one.seconds for one in at_work if trained)
        total = self.trainings + self.campaign.cycles + sum(len(one.seeds) for one in own if one.kind == "verification")
        counted = {one.id for one in at_work}
        left = total - done - sum(one.fraction for one in self.running if one.id in counted)
        return max(0.0, left) * spent / done / self.parallel


def take_snapshot(watch: Watch, parallel: int, trainings: int) -> Snapshot:
    """Read what is new in a campaign from the store.

    Args:
        watch: of the campaign, the same at each look.
        parallel: designs evaluated at a time, for the time left.
        trainings: how many trainings the baselines take together.
    """
    store = open_store()
    record, designs = get_campaign(store, watch.campaign), tuple(watch.look(store))
    running = list_running(store, watch.campaign)
    in_flight = tuple(one for one in find_experiments(store, [one.id for one in running]) if one.lease.owner)
    held = {one.id for one in in_flight}
    return Snapshot(
        campaign=record,
        designs=designs,
        in_flight=in_flight,
        running=tuple(one for one in running if one.id in held),
        trainings=trainings,
        parallel=parallel,
    )


def draw(snapshot: Snapshot, objectives: Mapping[str, Any], address: str, started: float) -> RenderableType:
    """The whole display."""
    campaign = snapshot.campaign
    failed = sum(one.state == "failed" for one in snapshot.designs)
    seconds = snapshot.seconds_left
    left = "estimating" if seconds is None else f"about {clock(seconds)}"
    phase = "baselines" if campaign.panel is None else f"cycle {snapshot.finished}/{campaign.cycles}"
    head = Text.assemble(
        ("archloop ", "bold"),
        f"{campaign.id} ({campaign.scale}, {campaign.provider})  ",
        (phase, "bold cyan"),
        f"  {clock(time.time() - started)} gone, {left} left",
        (f"  {failed} failed" if failed else "", "red"),
    )
    parts: list[RenderableType] = [head, Text(f"Prefect: {address}", style="dim"), Text()]
    parts.append(_in_flight(snapshot))
    if snapshot.ranked:
        parts += [Text(), leaderboard_table(snapshot.ranked[:SHOWN_ON_LEADERBOARD], objectives)]
    return Group(*parts)


def _in_flight(snapshot: Snapshot) -> Table:
    table = Table(title="In flight", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("id", "design", "stage", "", "training on", "loss", "streamed losses", "for"):
        table.add_column(name, no_wrap=True)
    for one in snapshot.running:
        table.add_row(
            one.id,
            escape(one.name),
            one.stage,
            ProgressBar(total=1.0, completed=one.fraction, width=16) if one.stage == "gpu-train" else "",
            f"{one.task} {one.step}/{one.steps}" if one.task else "",
            f"{one.loss:.3f}" if one.loss is not None else "",
            sparkline(one.losses.get(one.task, [])),
            clock(time.time() - one.since),
        )
    return table


class Display:
    """Shows a campaign while a ``with`` block runs: live on a terminal, one line per event elsewhere."""

    def __init__(
        self,
        console: Console,
        campaign: str,
        parallel: int,
        objectives: Mapping[str, Any],
        trainings: int,
        address: str,
    ) -> None:
        self.console, self.watch, self.parallel = console, Watch(campaign), parallel
        self.objectives, self.trainings, self.address = objectives, trainings, address
        self.started, self.told = time.time(), set[str]()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, name="display", daemon=True)

    def __enter__(self) -> "Display":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(timeout=30)

    def _run(self) -> None:
        if not self.console.is_terminal:
            while not self.over.wait(1.0):
                self._tell(self._look())
            self._tell(self._look())
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as live:
            while not self.over.wait(1.0):
                snapshot = self._look()
                if snapshot is not None:
                    live.update(draw(snapshot, self.objectives, self.address, self.started))

    def _look(self) -> Snapshot | None:
        try:
            return take_snapshot(self.watch, self.parallel, self.trainings)
        except StoreUnavailable:
            return None  # the stages retry, and so does the next look

    def _tell(self, snapshot: Snapshot | None) -> None:
        for key, line in events(snapshot) if snapshot else ():
            if key not in self.told:
                self.told.add(key)
                self.console.print(f"{clock(time.time() - self.started):>8}  {line}", markup=False, highlight=False)


def events(snapshot: Snapshot) -> list[tuple[str, str]]:
    """What has happened, as (key, line) in order: each line is worth printing once."""
    lines = []
    for now in snapshot.running:
        lines.append((f"{now.id}/{now.stage}/{now.since}", f"{now.id}  {now.stage}  {now.name}"))
    for one in snapshot.designs:
        if one.failure is not None:
            lines.append((f"{one.id}/failed", f"{one.id}  failed in {one.failure.stage}: {one.failure.message}"))
        elif one.fitness is not None:
            lines.append((f"{one.id}/done", f"{one.id}  done  {one.name}: fitness {one.fitness:+.3f}"))
    seconds = snapshot.seconds_left
    if seconds is not None:
        minutes = int(seconds // 60) + 1
        lines.append((f"left/{snapshot.finished}/{minutes}", f"about {minutes} min left"))
    return lines


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
