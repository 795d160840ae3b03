"""The three roles of a cycle and what passes between them. Providers implement these; stages know nothing else.

Nothing here names a provider, a component or a metric: another domain or another provider changes no stage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, FiniteFloat

from archdb import Ground
from archdb.cognition import Hit
from tasks.calibration import Calibration


class Message(BaseModel):
    """Base of what passes between the roles: immutable."""

    model_config = ConfigDict(frozen=True)


class Peer(Message):
    """One experiment as the agents see it."""

    id: str
    name: str
    kind: str
    source: str = ""  # filled in for parents only
    components: dict[str, str] = {}
    parents: tuple[str, ...] = ()  # ids, the one that was improved first
    fitness: float | None = None
    gains: dict[str, float] = {}  # objective -> gain over the reference in units of its spread; positive is better
    objectives: dict[str, float] = {}
    failure: str = ""
    failure_kind: str = ""


class ComponentGain(Message):
    """What taking up one choice for a slot was worth so far, in units of fitness; see tasks/component_gains.py."""

    choice: str  # "slot=choice"
    gain: float
    low: float | None = None  # two-sided 95% interval; None where too few families changed it
    high: float | None = None
    families: int  # parents whose children changed it: siblings count together
    introduced: tuple[str, ...]  # designs that took it up
    dropped: tuple[str, ...]  # designs that gave it up

    @property
    def steps(self) -> tuple[str, ...]:
        return self.introduced + self.dropped


class CertainEffect(Message):
    """What a choice, or two together beyond each alone, is worth over all designs, where the interval excludes 0."""

    choices: tuple[str, ...]  # one or two of "slot=choice"
    objective: str  # "fitness", or one whose gain it moves
    effect: float  # in units of noise and spread, like fitness
    low: float  # 95% intervals that hold for all that was estimated of an objective at once
    high: float
    families: int  # parents whose children differ in it


Retrieve = Callable[[str], Sequence[Hit]]


class Question(Message):
    """What the Researcher is asked: an improvement of a parent, given everything that is known."""

    campaign: str
    cycle: int
    seed: int  # the only source of chance
    parents: tuple[Peer, ...]  # the first one is to be improved, the others lend ideas
    population: tuple[Peer, ...]  # every design of the campaign so far: failed ones too, and those in flight
    objective_titles: Mapping[str, str]
    gains: tuple[ComponentGain, ...] = ()
    effects: tuple[CertainEffect, ...] = ()  # the largest first
    foresight: Calibration | None = None  # how earlier predictions have fared


class Prediction(Message):
    """What the Researcher expects of one objective: scored later against what was measured."""

    objective: str
    change: FiniteFloat  # of the gain, against the first parent's; positive is better
    confidence: FiniteFloat  # that the change has this sign, from 0 to 1


class Proposal(Message):
    """What the Researcher answers."""

    name: str
    motivation: str  # Markdown; names the evidence it rests on
    parents: tuple[str, ...]
    components: dict[str, str] = {}
    plan: dict[str, str] = {}  # what the Engineer needs beyond the motivation
    query: str = ""  # what was looked up
    retrieved: tuple[str, ...] = ()  # ids of all hits, best first
    used: tuple[str, ...] = ()  # ids of the hits and experiments that changed the proposal
    mechanism: str = ""  # Markdown with equations, where the motivation alone does not say how the design works
    predictions: tuple[Prediction, ...] = ()


class Repeated(Message):
    """What the Researcher is told of a proposal that repeats an earlier design."""

    proposal: Proposal
    of: Peer  # the earlier design, and how it did
    motivation: str  # of that design
    ground: Ground


class Draft(Message):
    """Source text from the Engineer."""

    source: str
    note: str = ""  # what was done, in a sentence
    components: dict[str, str] = {}


class Rejected(Message):
    """An earlier version of a design, and why the checks rejected it."""

    source: str
    kind: str
    message: str


class Complaint(Message):
    """Why the checks rejected the last draft."""

    kind: str
    message: str
    remedy: str
    source: str
    attempt: int  # of the rejected draft
    earlier: tuple[Rejected, ...] = ()  # versions before it, oldest first


class Outcome(Message):
    """What the Analyst is asked to explain."""

    campaign: str
    design: Peer
    parents: tuple[Peer, ...]
    population: tuple[Peer, ...]
    noise: dict[str, float]  # objective -> one standard deviation of the reference over seeds, in units of gain
    objective_titles: Mapping[str, str]
    gains: tuple[ComponentGain, ...] = ()  # the design's own step among them
    knock_outs: tuple[str, ...] = ()  # components whose removal can be tried, by name
    most_ablations: int = 0  # how many of them may be asked for


class Lesson(Message):
    """One claim for later cycles, with the experiments that back it."""

    text: str
    evidence: tuple[str, ...]
    components: tuple[str, ...] = ()  # "slot=choice"
    effect: float = 0.0  # gain in units; the sign says whether it helped
    objective: str = ""  # empty: overall fitness


class Analysis(Message):
    """What the Analyst answers."""

    text: str  # Markdown
    lessons: tuple[Lesson, ...] = ()
    ablations: tuple[str, ...] = ()  # of the possible knock-outs, those to be trained, the most telling first


class Researcher(Protocol):
    def propose(self, question: Question, retrieve: Retrieve) -> Proposal: ...

    def propose_again(self, question: Question, retrieve: Retrieve, repeated: Repeated) -> Proposal | None:
        """Another proposal in place of one that repeats an earlier design, or None to stay with it."""
        ...


class Engineer(Protocol):
    def components(self, given: Peer) -> dict[str, str]:
        """The choices (slot -> choice) in a design that somebody else wrote; empty where there are no words for it."""
        ...

    def write(self, proposal: Proposal, parents: Sequence[Peer]) -> Draft: ...

    def repair(self, proposal: Proposal, complaint: Complaint, parents: Sequence[Peer]) -> Draft | None:
        """A changed draft, or None when nothing is left to try."""
        ...

    def knock_outs(self, design: Peer) -> Mapping[str, Draft]:
        """What can be taken out of a design whose source is given: component -> the program without it. Asks nobody."""
        ...


class Analyst(Protocol):
    def analyze(self, outcome: Outcome) -> Analysis: ...


@dataclass(frozen=True)
class Agents:
    """One provider's three roles."""

    researcher: Researcher
    engineer: Engineer
    analyst: Analyst
