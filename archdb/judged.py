"""What a proposal was found to repeat, with the proposal itself: kept before anything follows from it.

Judging again later could find something else, since other designs go on. So each proposal of a design is judged once,
and a worker that takes over sees the same: who is asked again, and with what, is settled by the first judgement.
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from archdb.once import insert_or_find
from archdb.patience import patient
from archdb.records import Record
from archdb.store import Store

Ground = Literal["components", "words"]
"""components: the same choices on the same first parent; words: a motivation that reads alike."""


class Judged(Record):
    """One proposal of a design, and the earlier design whose idea it repeats, if there is one."""

    id: str = Field(alias="_id")  # experiment/number, from 0
    experiment: str
    campaign: str
    number: int
    reply: str  # blob of all that the Researcher answered; empty where there was no usable answer
    repeats: str = ""  # an experiment
    ground: Ground | None = None
    similarity: FiniteFloat | None = None  # of the motivations, where these are the ground
    created_at: float = 0.0


def record_judged(store: Store, one: Judged) -> Judged:
    """Keep the judgement of a design's proposal unless there is one, and return what is kept."""
    return insert_or_find(store.judged_proposals, one)


@patient
def find_judged(store: Store, experiment: str, number: int) -> Judged | None:
    """The judgement of a design's proposal of this number, if there is one."""
    found = store.judged_proposals.find_one({"_id": f"{experiment}/{number}"})
    return Judged.model_validate(found) if found else None
