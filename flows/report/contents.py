"""Everything that the page and the figures show, as frozen records. Whoever draws reads these and nothing else."""

import math
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from archdb import Campaign
from evaluation import ComponentEffect
from flows.ablation_results import in_words
from tasks.calibration import Calibration


def readable(text: str) -> str:
    """The text with every sign that a reader cannot see (controls, direction overrides) replaced by U+FFFD."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else _stand_in(sign) for sign in text)


def _stand_in(sign: str) -> str:
    return " " if unicodedata.category(sign) == "Zs" else "\N{REPLACEMENT CHARACTER}"


Words = Annotated[str, AfterValidator(readable)]  # written by designs, models and papers: untrusted
DiffKind = Literal["add", "remove", "hunk", "same"]
Curve = tuple[tuple[int, float], ...]  # ((step, loss in nats), ...)


class Part(BaseModel):
    """Base of every record here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Link(Part):
    """A name, and where it leads; ``href`` is empty where there is nothing to lead to."""

    text: Words
    href: str = ""


class Failure(Part):
    """Why a design or one attempt at it was rejected."""

    stage: str
    kind: str
    message: Words
    remedy: Words


class Yardstick(Part):
    """What gains in one objective are measured with. Numbers are None until the campaign has its panel."""

    name: str
    title: str
    unit: str
    better: str
    task: str = ""  # that training calls its curve by
    reference: float | None = None  # mean over the reference's seeds
    noise: float | None = None  # standard deviation of the reference over its seeds
    spread: float | None = None  # standard deviation over the baselines
    scale: float | None = None  # sqrt(noise^2 + spread^2)

    @property
    def places(self) -> int:
        """Decimals that show a value to a tenth of the noise; three while that is not known."""
        return max(2, min(6, 1 - math.floor(math.log10(self.noise)))) if self.noise else 3


class Score(Part):
    """A design in one objective."""

    value: float
    gain: float | None = None  # in the objective's unit; positive is better
    normalised: float | None = None  # gain in units of the yardstick's scale
    in_noise: float | None = None  # gain in standard deviations of the reference over its seeds

    @property
    def within_noise(self) -> bool:
        return self.in_noise is not None and abs(self.in_noise) < 2.0

    @property
    def beyond_noise(self) -> bool:
        return self.in_noise is not None and not self.within_noise


class Cost(Part):
    """One number of a design's efficiency, beside the reference's."""

    title: str
    unit: str
    value: float
    reference: float | None = None
    claimed: bool  # by the design's own process


class Evidence(Part):
    """One thing that the Researcher was shown or named as its reason."""

    kind: Literal["paper", "finding", "component", "experiment"]
    link: Link
    id: Words
    used: bool


class Slot(Part):
    """One component of a design, and what its first parent has in its place (None: nothing)."""

    name: Words
    choice: Words | None
    before: Words | None = None
    changed: bool = False


class DiffLine(Part):
    kind: DiffKind
    text: Words


class Verdict(Part):
    """One checked property, with the evidence that decided it."""

    property: Words
    verdict: Literal["pass", "warn", "fail"]
    evidence: Words
    remedy: Words


class Attempt(Part):
    """One draft of the code, and what compile-check said of it."""

    number: int
    note: Words  # the Engineer's
    verdicts: tuple[Verdict, ...]
    failure: Failure | None
    isolation: dict[str, str]  # layer -> "on (detail)" or "off (reason)"
    parameters: int | None
    reference_parameters: int | None


class Seed(Part):
    """One trained and benchmarked seed."""

    seed: int
    objectives: dict[str, float]
    verdicts: tuple[Verdict, ...]  # about the trained weights
    parameters: int | None
    tokens: int | None
    cpu_seconds: float | None
    peak_bytes: int | None


class Step(Part):
    """One recorded stage."""

    name: str
    attempt: int
    seed: int | None
    started_at: float
    seconds: float
    cpu_seconds: float | None
    failed: bool
    flow_run: str | None


class Ablation(Part):
    """One component that was knocked out, and what that says, or where the experiment stands."""

    id: str
    anchor: str  # of its row in the design's section
    component: Words
    parameters: int | None
    cpu_seconds: float
    effect: ComponentEffect | None = None
    standing: Words = ""  # while there is no effect

    @property
    def effects(self) -> list[tuple[str, str]]:
        """("fitness" or an objective, difference with its interval)."""
        return in_words(self.effect, self.effect.objectives) if self.effect else []


class Design(Part):
    """One experiment."""

    id: str
    anchor: str  # of its section
    name: Words
    kind: str
    state: str
    reference: bool
    quadratic: bool
    cycle: int | None
    rank: int | None = None  # among the sub-quadratic ones with a fitness
    origin: Link | None = None  # the paper that a baseline comes from
    parents: tuple[Link, ...] = ()
    parent: str | None = None  # id of the first parent
    fitness: float | None = None
    scores: dict[str, Score] = {}
    details: dict[str, float] = {}
    ablations: tuple[Ablation, ...] = ()
    costs: tuple[Cost, ...] = ()
    parameters: int | None = None
    seeds: tuple[Seed, ...] = ()
    cpu_seconds: float = 0.0
    motivation: Words = ""
    analysis: Words = ""
    query: Words = ""
    evidence: tuple[Evidence, ...] = ()
    slots: tuple[Slot, ...] = ()
    code: tuple[DiffLine, ...] = ()  # the difference to the first parent's code, or all of it
    compared: bool = False  # whether ``code`` is a difference
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()
    curves: dict[str, Curve] = {}  # of the first seed, as training streamed them
    failure: Failure | None = None
    now: str = ""  # where the stage in flight stands
    mlflow_run: str | None = None
    finished_at: float | None = None


class Lesson(Part):
    """A finding of the campaign. ``effect`` is in fitness units."""

    text: Words
    effect: float
    evidence: tuple[Link, ...]


class Point(Part):
    """The state of the search when one design was finished."""

    design: Design
    cpu_seconds: float  # of all evaluations up to and including this one
    best: float | None  # best fitness so far among the sub-quadratic ones


class Contents(Part):
    """A campaign as its report shows it."""

    campaign: Campaign
    written_at: float
    yardsticks: tuple[Yardstick, ...]
    designs: tuple[Design, ...]  # baselines first, then cycles in order
    lessons: tuple[Lesson, ...]  # the strongest first
    superseded: int  # findings left out since a later one says the same of more designs
    kinds_of_failure: tuple[tuple[str, str, int], ...]  # (stage, kind, designs), most frequent first
    progress: tuple[Point, ...]
    fitness_places: int  # decimals that tell the fitness of designs apart
    method: str = ""  # what all designs have in common, in the domain's words
    foresight: Calibration | None = None  # how the Researcher's predictions have fared; None where there are none

    @property
    def ranking(self) -> list[Design]:
        """Designs with a fitness, best first."""
        scored = [one for one in self.designs if one.fitness is not None]
        return sorted(scored, key=lambda one: (-(one.fitness or 0.0), one.id))

    @property
    def failed(self) -> list[Design]:
        return [one for one in self.designs if one.failure is not None]

    @property
    def unfinished(self) -> list[Design]:
        return [one for one in self.designs if one.failure is None and one.fitness is None]

    @property
    def reference(self) -> Design | None:
        return next((one for one in self.designs if one.reference), None)

    @property
    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds + sum(less.cpu_seconds for less in one.ablations) for one in self.designs)
