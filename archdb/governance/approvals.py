"""Who approved what: a campaign's start, a verification, a pause, a fork. One decision of a person on a subject."""

import time
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from archdb.amounts import Amounts, Exact, exact
from archdb.events import Told, sha256_of
from archdb.once import insert_or_find
from archdb.outbox import holding, settle
from archdb.patience import patient
from archdb.records import Record
from archdb.store import Store

What = Literal["campaign", "verification", "pause", "resume", "fork"]
Decision = Literal["approved", "refused"]
INDEXES = {"approvals": (("subject",),)}


class Approval(Record):
    """A person's decision. Written once: who thinks again decides on a subject of another name."""

    id: str = Field(alias="_id")  # what/subject/who
    what: What
    subject: str  # the campaign, the experiment to verify, or what the caller names a turn or a fork
    campaign: str = ""
    who: str
    decision: Decision
    reason: str = ""
    estimate: Exact  # what it was told to cost, in the ledger's units (archdb.amounts)
    at: float


def record_approval(
    store: Store,
    what: What,
    subject: str,
    who: str,
    decision: Decision,
    estimate: Mapping[str, float] | None = None,
    *,
    campaign: str = "",
    reason: str = "",
) -> Approval:
    """Keep a person's decision on a subject unless there is one, tell the event log, and return what is kept.

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
        campaign=campaign,
        who=who,
        decision=decision,
        reason=reason,
        estimate=exact(amounts),
        at=time.time(),
    )
    kept = insert_or_find(store.approvals, one, holding(told_approval(one)))
    settle(store, "approvals", one.id)
    return kept


@patient
def list_approvals(store: Store, subject: str, what: What | None = None) -> list[Approval]:
    """The decisions on a subject, in their order; of one kind if ``what`` is given."""
    wanted = {"subject": subject} | ({"what": what} if what else {})
    found = [Approval.model_validate(one) for one in store.approvals.find(wanted)]
    return sorted(found, key=lambda one: (one.at, one.id))


def told_approval(one: Approval) -> Told:
    """A person has decided."""
    body = {"what": one.what, "who": one.who, "reason": one.reason, "sha256": sha256_of(one)}
    return Told(
        kind=one.decision, key=f"approval/{one.id}", campaign=one.campaign, subject=one.subject, at=one.at, body=body
    )
