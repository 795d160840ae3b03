"""Is a proposal's idea one that its campaign had before? Asked before any code is written, and no proof of anything.

Two grounds, told apart because they err differently (docs/novelty.md): the same components on the same first parent,
and a motivation that reads like an earlier one. Either is reason enough to ask once more, and none to refuse.
"""

from pydantic import BaseModel, ConfigDict

from archdb import Experiment, Ground, Store
from tasks.agents.protocols import Peer, Proposal, Question
from tasks.novelty.motivations import most_alike
from tasks.novelty.verdict import NEAR_IDEA


class Likeness(BaseModel):
    """The earlier design whose idea a proposal repeats."""

    model_config = ConfigDict(frozen=True)

    of: str  # an experiment
    ground: Ground
    similarity: float | None = None  # of the motivations, where these are the ground


def repeated_idea(store: Store, experiment: Experiment, proposal: Proposal, question: Question) -> Likeness | None:
    """The earlier design of the campaign whose idea this is, by its components or else by its words."""
    twin = _same_step(experiment.id, proposal, question)
    if twin is not None:
        return Likeness(of=twin.id, ground="components")
    closest = most_alike(store, experiment.campaign, proposal.motivation, besides=experiment.id)
    if closest is None or closest.similarity < NEAR_IDEA:
        return None
    return Likeness(of=closest.id, ground="words", similarity=round(closest.similarity, 4))


def _same_step(experiment: str, proposal: Proposal, question: Question) -> Peer | None:
    """A design with the same components on the same first parent, one that was measured if there is one.

    A proposal that says of no component that it changes says nothing to compare.
    """
    if not proposal.components or any(proposal.components == one.components for one in question.parents[:1]):
        return None
    found = [
        one
        for one in question.population
        if one.kind == "candidate"
        and one.id != experiment
        and one.parents[:1] == proposal.parents[:1]
        and one.components == proposal.components
    ]
    return next((one for one in found if one.fitness is not None), found[0] if found else None)
