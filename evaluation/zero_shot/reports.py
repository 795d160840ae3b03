"""What the zero-shot suite says about one trained design."""

from pydantic import Field, FiniteFloat

from evaluation.large.jobs import Device
from evaluation.reports import Failure, Report, Verdict


class Overlap(Report):
    """How many of a task's items stand in the training text."""

    items: int
    tested: int  # long enough to be looked for
    found: int

    @property
    def share(self) -> float:
        """Of the items that were tested."""
        return self.found / self.tested if self.tested else 0.0


class TaskScore(Report):
    """One task. Accuracies are shares of items, 0 to 1."""

    task: str  # lm-eval's name
    title: str
    items: int
    items_of_task: int  # more than ``items`` under a limit
    accuracy: FiniteFloat
    accuracy_stderr: FiniteFloat | None = None  # None for a single item
    accuracy_norm: FiniteFloat | None = None  # log-probabilities divided by characters; where lm-eval defines it
    accuracy_norm_stderr: FiniteFloat | None = None
    chance: FiniteFloat  # the accuracy of a guess
    perplexity: FiniteFloat | None = None  # of LAMBADA's last words
    definition: str  # lm-eval's version of the task
    in_distribution: bool
    reason: str  # for that label, or what was looked for in vain
    overlap: Overlap
    accuracy_clean: FiniteFloat | None = None  # over items that were not found in the training text, if some were


class ZeroShotReport(Report):
    """The suite for one set of trained weights. Accuracies are computed by the parent."""

    version: int = 1
    scale: str
    device: Device
    tasks: tuple[TaskScore, ...] = ()
    scored_by: str = ""
    harness: str = ""  # lm-eval's version
    data: str = ""  # where the items come from
    corpus: dict[str, str] = Field(default_factory=dict)  # dataset name and sha256 per part
    weights_sha256: str = ""
    verdicts: tuple[Verdict, ...] = ()
    cpu_seconds: FiniteFloat = 0.0
    wall_seconds: FiniteFloat = 0.0
    sandbox: dict[str, str] = Field(default_factory=dict)
    failure: Failure | None = None
