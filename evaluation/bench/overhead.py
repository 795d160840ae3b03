"""What the harness costs: processor time over the bare training steps, room for two candidates, and a start.

Ratios of runs that take turns on one machine, since seconds on a shared one mean little.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from evaluation.baselines import baselines
from evaluation.baselines import source as baseline_source
from evaluation.bench.trainings import TrainingFailed
from evaluation.corpus import corpus
from evaluation.endings import failure_of
from evaluation.jobs import CHILD, TEXT_FILE, TrainJob
from evaluation.launch import Launch, plain_launch
from evaluation.reports import Report, TrainReport
from evaluation.scales import Scale
from evaluation.scales import scale as read_scale
from evaluation.training import train
from evaluation.workspace import workspace

_BARE = "evaluation.bench.bare"
_EMPTY = "starts"  # a mode that no child knows: it ends as soon as it has started


class Round(Report):
    """One bare training, one by the harness, and two by the harness at a time, of the same design and seed."""

    bare_cpu_seconds: float  # of the steps alone
    child_cpu_seconds: float  # of the jailed child from its first line to its end
    supervisor_cpu_seconds: float  # of the process that watches it
    alone_wall_seconds: float
    together_wall_seconds: float  # until both of two were done

    @property
    def overhead(self) -> float:
        """Share by which the harness uses more processor time than the bare steps."""
        return (self.child_cpu_seconds + self.supervisor_cpu_seconds) / self.bare_cpu_seconds - 1

    @property
    def speedup(self) -> float:
        """Trainings per second of two at a time against one."""
        return 2 * self.alone_wall_seconds / self.together_wall_seconds


class Overhead(Report):
    """The three ratios, each a median, and what they come from."""

    scale: str
    design: str
    overhead: float
    speedup: float
    start_seconds: float  # of a child on a warm fork server
    rounds: tuple[Round, ...]
    starts: tuple[float, ...]


def overhead_study(
    scale: str, rounds: int, starts: int, launch: Launch, on_done: Callable[[], None] = lambda: None
) -> Overhead:
    """Measure the reference design at ``scale``. ``launch`` must tell ``start_seconds``, as the jailed one does.

    Raises ValueError for an unknown scale or a launch that does not tell, and TrainingFailed if a training fails.
    """
    chosen = read_scale(scale)
    name = next(one.name for one in baselines().values() if one.reference)
    source = baseline_source(name)
    with TemporaryDirectory(prefix="archloop-overhead-") as place:
        folder = Path(place).resolve()
        found = [_start(source, folder, chosen, launch) for _ in range(starts + 1)][1:]  # the first warms the server
        on_done()
        done = []
        for _ in range(rounds):
            done.append(_round(source, chosen, folder, launch))
            on_done()
    return Overhead(
        scale=scale,
        design=name,
        overhead=median(one.overhead for one in done),
        speedup=median(one.speedup for one in done),
        start_seconds=median(found),
        rounds=tuple(done),
        starts=tuple(found),
    )


def _start(source: str, folder: Path, scale: Scale, launch: Launch) -> float:
    with workspace(folder, "start", source, TrainJob(scale=scale, mlp_hidden=scale.mlp_hidden, seed=1)) as place:
        ending = launch(CHILD, _EMPTY, folder=place, limits=scale.train)
    if ending.start_seconds is None:
        raise ValueError("This launch does not tell when a child starts: measure with the jailed one.")
    return ending.start_seconds


def _round(source: str, scale: Scale, folder: Path, launch: Launch) -> Round:
    bare = _bare(source, scale, folder / "bare")
    before = time.process_time()
    alone = _train(source, scale, folder / "alone", launch)
    supervisor = time.process_time() - before
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(_train, source, scale, folder / name, launch) for name in ("first", "second")]
        for one in both:
            one.result()
    return Round(
        bare_cpu_seconds=bare,
        child_cpu_seconds=alone.cpu_seconds,
        supervisor_cpu_seconds=supervisor,
        alone_wall_seconds=alone.wall_seconds,
        together_wall_seconds=time.monotonic() - started,
    )


def _train(source: str, scale: Scale, folder: Path, launch: Launch) -> TrainReport:
    folder.mkdir(exist_ok=True)
    report = train(source, scale.name, 1, scale.mlp_hidden, folder, launch)
    if report.failure is not None:
        raise TrainingFailed(f"{report.failure.message} {report.failure.remedy}")
    return report


def _bare(source: str, scale: Scale, folder: Path) -> float:
    """Processor seconds of the bare loop, by its own word: it runs the harness's own design."""
    said: list[str] = []
    job = TrainJob(scale=scale, mlp_hidden=scale.mlp_hidden, seed=1)
    with workspace(folder, "run", source, job) as place:
        np.save(place / TEXT_FILE, np.frombuffer(corpus().train, dtype=np.uint8), allow_pickle=False)
        ending = plain_launch(_BARE, "run", folder=place, limits=scale.train, on_line=said.append)
    failure = failure_of(ending, scale.train, "bare training")
    if failure is not None:
        raise TrainingFailed(f"{failure.message} {failure.remedy}")
    return float(json.loads(said[-1])["seconds"])
