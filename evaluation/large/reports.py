"""Reports of the large scales: those of the small ones, and where and how a run was made."""

from pydantic import FiniteFloat

from evaluation.large.jobs import Device
from evaluation.reports import BenchmarkReport, TrainReport


class LargeTrainReport(TrainReport):
    """One finished or failed run. Its curve is the child's own word: display only, never a score."""

    device: Device
    workers: int = 0
    micro_batch: int = 0  # sequences that one rank computed at once, in the end
    precision: str = ""
    parallel: str = ""  # empty for one process
    epochs: FiniteFloat = 0.0  # how often the training text was seen
    out_of_memory: tuple[str, ...] = ()  # what each attempt said that did not fit
    resumed: bool = False


class LargeBenchmarkReport(BenchmarkReport):
    """Scores of one run. Unlike at the small scales, the child that computed the losses had the targets in view."""

    device: Device
    scored_by: str = ""
