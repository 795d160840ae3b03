"""What the store holds, as frozen records. The experiment is the truth; everything else hangs on it."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Kind = Literal["baseline", "candidate", "external", "verification", "ablation", "imported"]
"""external: a file that a person handed in; verification: a design or a baseline again, on fresh seeds; ablation: a
design without one of its components, on the same seeds, under the number of its cycle; imported: a published design
with somebody else's scores, in a campaign of its own."""
State = Literal["open", "done", "failed"]
REPLAYED = "replayed"  # in a stage's summary: its result came from a cassette, and cost nothing
Body = dict[str, Any]  # a JSON document whose inside is another room's business


class Record(BaseModel):
    """Base of every record: immutable, and tolerant of fields that a newer version wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Failed(Record):
    """Why an experiment ended without a result."""

    stage: str
    kind: str
    message: str
    remedy: str = ""


class Stage(Record):
    """One finished stage. Written once under (experiment, stage, attempt, seed); later writes of the key are no-ops."""

    stage: str
    attempt: int = 0
    seed: int | None = None
    started_at: float
    seconds: float
    summary: Body = {}  # small and flat: what a table shows
    report: str | None = None  # blob of {schema, version, body}
    failure: Failed | None = None
    flow_run: str | None = None  # the Prefect flow run that did it

    @property
    def key(self) -> str:
        return stage_key(self.stage, self.attempt, self.seed)


def stage_key(stage: str, attempt: int = 0, seed: int | None = None) -> str:
    """The name of a stage record inside its experiment, such as ``gpu-train:0:2``."""
    return f"{stage}:{attempt}" if seed is None else f"{stage}:{attempt}:{seed}"


class Lease(Record):
    """Who works on an experiment. ``token`` grows with every claim and fences off writers that lost theirs."""

    owner: str = ""
    token: int = 0
    expires: float = 0.0


class Dispatch(Record):
    """The evaluation that was last given to another machine, which writes under a fencing token of its own."""

    number: int = 0
    open: bool = False
    seen: float = 0.0  # when that machine last said that it works, by the store's clock

    @property
    def token(self) -> int:
        return -self.number  # below zero, so that it never meets a lease's


class Best(Record):
    """The fittest of a branch. The store compares such documents field by field: fitness has to be the first."""

    fitness: FiniteFloat
    id: str


class Outline(Record):
    """A design as tables, the tree and the search see it: its experiment without the record of the work on it."""

    id: str = Field(alias="_id")
    campaign: str
    kind: Kind
    cycle: int | None = None
    name: str
    tags: tuple[str, ...] = ()  # "reference", "quadratic"
    seeds: tuple[int, ...] = (0,)
    parents: tuple[str, ...] = ()
    path: tuple[str, ...] = ()  # ancestors along first parents, root first
    state: State = "open"
    reached: str = ""  # the last stage that was recorded
    code: str | None = None  # blob of the current attempt's source
    analysis: str | None = None  # blob of Markdown; the last thing that an experiment gets
    components: dict[str, str] = {}  # slot -> choice, where the design names them
    objectives: dict[str, FiniteFloat] = {}  # mean over seeds
    efficiency: dict[str, FiniteFloat] = {}  # mean over seeds; display and trade-offs only, never part of fitness
    gains: dict[str, FiniteFloat] = {}  # objective -> gain over the reference in its units; positive is better
    fitness: FiniteFloat | None = None
    seconds: FiniteFloat = 0.0  # of all its stages together
    cpu_seconds: FiniteFloat = 0.0  # of all its evaluations together
    failure: Failed | None = None
    mlflow_run: str | None = None
    rev: int = 0
    created_at: float = 0.0
    finished_at: float | None = None


class Experiment(Outline):
    """One design and everything that happened to it."""

    attempt: int = 0
    stages: dict[str, Stage] = {}
    motivation: str | None = None  # blob of Markdown
    details: dict[str, FiniteFloat] = {}
    best: Best | None = None  # of this experiment and its descendants
    lease: Lease = Lease()
    dispatch: Dispatch = Dispatch()

    def admits(self, token: int) -> bool:
        """Whether a worker with this fencing token may write: the lease's holder, or the open dispatch's machine."""
        return token == self.lease.token or (self.dispatch.open and token == self.dispatch.token)

    def stage(self, stage: str, attempt: int | None = None, seed: int | None = None) -> Stage | None:
        """The record of a stage in an attempt (the current one by default), if it was written."""
        return self.stages.get(stage_key(stage, self.attempt if attempt is None else attempt, seed))


class Campaign(Record):
    """A search: its settings are fixed when it is created, so that its results compare."""

    id: str = Field(alias="_id")
    scale: str
    provider: str
    model: str = ""  # of a provider that asks one, where the campaign names it
    cycles: int
    seed: int = 0
    domain: str = "evaluation"  # the module that checks, trains and scores designs
    dataset: str = ""  # name and hash of the data
    further_baselines: tuple[str, ...] = ()  # trained besides the domain's default ones
    families: tuple[str, ...] = ()  # baselines from which the search starts; empty: all that are not quadratic
    parents_from: str = ""  # an imported campaign whose designs may be improved, too
    sampler: str = "ranked"  # who chooses parents; campaigns from before there was a choice have this one
    ablations: int = 0  # the most components that are knocked out of one design, each a training
    cassette: str = ""  # sha256 of the one that the campaign is run again from; empty where it is not
    approvals: int = 0  # how many people have to approve its start, and each verification; 0: nobody is asked
    approvers: tuple[str, ...] = ()  # who may; empty: whoever gives a name
    forked_from: str = ""  # the campaign that it is a fork of
    forked: tuple[str, ...] = ()  # that campaign's designs that it started from
    ranked_by: str = ""  # an objective; set in imported campaigns, which have scores of their own and no fitness
    panel: Body | None = None  # what fitness is measured against; set once the baselines are done
    reference_cpu_seconds: FiniteFloat | None = None
    created_at: float = 0.0
    environment: dict[str, str] = {}


class Running(Record):
    """Where a stage in flight stands. Display only: overwritten once a second, never read by a decision."""

    id: str = Field(alias="_id")  # the experiment's
    campaign: str
    name: str = ""
    stage: str
    since: float
    at: float
    task: str = ""
    step: int = 0
    steps: int = 0
    loss: float | None = None
    fraction: float = 0.0
    losses: dict[str, list[float]] = {}


class Finding(Record):
    """A sentence that an analysis wrote for later cycles, with the experiments that back it."""

    id: str = Field(alias="_id")
    campaign: str
    text: str
    evidence: tuple[str, ...]
    components: tuple[str, ...] = ()  # "slot=choice"
    effect: FiniteFloat = 0.0  # in fitness units; its sign says whether the change helped
    objective: str = ""
    created_at: float = 0.0


class Verified(Record):
    """A test of a design against a baseline on fresh seeds. Tests are in a row: what one may claim follows from those
    before it.
    """

    id: str = Field(alias="_id")  # campaign/number
    campaign: str
    number: int  # from 1
    experiment: str
    baseline: str  # its name
    result: Body  # evaluation's Verification
    created_at: float = 0.0


def document(record: Record) -> Body:
    """A record as the store takes it. What :func:`plain` refuses is refused here."""
    name = getattr(record, "id", type(record).__name__)
    return plain(record.model_dump(by_alias=True), str(name))  # type: ignore[no-any-return]


def plain(value: Any, at: str = "record") -> Any:
    """The value as BSON wants it: tuples as lists, records as documents. The store's one door.

    Raises:
        ValueError: naming the field that holds NaN or infinity.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{at} is {value}: the store takes finite numbers only, so leave the field out instead.")
    if isinstance(value, BaseModel):
        return plain(value.model_dump(by_alias=True), at)
    if isinstance(value, dict):
        return {key: plain(inner, f"{at}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, f"{at}[{index}]") for index, inner in enumerate(value)]
    return value
