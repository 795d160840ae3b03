"""Who approved what: a campaign's start, a verification, a larger budget. One decision of a person on a subject."""

import time
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from archdb.amounts import KINDS, Amounts, Exact, exact
from archdb.once import insert_or_find
from archdb.patience import patient
from archdb.records import Record
from archdb.store import Store

What = Literal["campaign", "verification", "budget"]
Decision = Literal["approved", "refused"]
INDEXES = {"approvals": (("subject",),)}


class Approval(Record):
    """A person's decision. Written once: who thinks again decides on a subject of another name."""

    id: str = Field(alias="_id")  # what/subject/who
    what: What
    subject: str  # the campaign, the experiment to verify, or what the caller names a raise of a budget
    who: str
    decision: Decision
    estimate: Exact  # what it was told to cost at most, in the ledger's units (archdb.amounts)
    at: float

    def costs(self, kind: str) -> float:
        """The estimate of one kind, in seconds, tokens or dollars."""
        return self.estimate.get(kind, 0) / KINDS[kind].unit


def record_approval(
    store: Store, what: What, subject: str, who: str, decision: Decision, estimate: Mapping[str, float] | None = None
) -> Approval:
    """Keep a person's decision on a subject unless there is one, and return what is kept.

    Raises:
        ValueError: nobody decides, or on nothing, or the estimate has an amount that is none.
    """
    if not who.strip() or not subject.strip():
        raise ValueError("A decision needs a person's name and a subject: give both.")
    amounts: Amounts = estimate or {}
    one = Approval(
        id=f"{what}/{subject}/{who}",
        what=what,
        subject=subject,
        who=who,
        decision=decision,
        estimate=exact(amounts),
        at=time.time(),
    )
    return insert_or_find(store.approvals, one)


@patient
def list_approvals(store: Store, subject: str) -> list[Approval]:
    """The decisions on a subject, in their order."""
    found = [Approval.model_validate(one) for one in store.approvals.find({"subject": subject})]
    return sorted(found, key=lambda one: (one.at, one.id))
