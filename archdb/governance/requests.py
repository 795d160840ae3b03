"""What people are asked to approve, and what came of it: approved once enough different people say so, refused by one.

The end of a request is set once, by a compare-and-set: who decides later is told, and changes nothing.
"""

import time
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from archdb.amounts import KINDS, Exact, exact
from archdb.errors import Conflict, NotFound
from archdb.events import Told, sha256_of
from archdb.governance.approvals import Decision, What, list_approvals, record_approval
from archdb.governance.control import Control, get_control
from archdb.governance.rule import Rule
from archdb.once import insert_or_find
from archdb.outbox import holding, settle, telling
from archdb.patience import patient
from archdb.records import Record
from archdb.store import Store

INDEXES = {"requests": (("state", "campaign"), ("subject",))}


class Request(Record):
    """Something that waits for people, or once did."""

    id: str = Field(alias="_id")  # what/subject
    what: What
    subject: str  # the campaign to start, the experiment to verify, or the turn of a switch
    campaign: str
    rule: Rule
    estimate: Exact
    told: str  # what it is and what it takes, in words
    size: int = 0  # of a verification: how many trainings it was asked for
    state: Literal["waiting", "approved", "refused"] = "waiting"
    by: str = ""  # whose word ended it
    reason: str = ""
    flow_run: str = ""  # the suspended Prefect flow run that goes on with it
    at: float

    @property
    def amounts(self) -> dict[str, float]:
        """The estimate in seconds, tokens and dollars."""
        return {kind: units / KINDS[kind].unit for kind, units in self.estimate.items()}


def open_request(
    store: Store,
    what: What,
    subject: str,
    campaign: str,
    rule: Rule,
    told: str,
    estimate: Mapping[str, float] | None = None,
    size: int = 0,
) -> Request:
    """Ask, unless it was asked before: then the request as it stands. The event log is told of the question."""
    fresh = Request(
        id=f"{what}/{subject}",
        what=what,
        subject=subject,
        campaign=campaign,
        rule=rule,
        estimate=exact(estimate or {}),
        told=told,
        size=size,
        at=time.time(),
    )
    kept = insert_or_find(store.requests, fresh, holding(told_question(fresh)))
    settle(store, "requests", fresh.id)
    return kept


@patient
def get_request(store: Store, what: What, subject: str) -> Request:
    """The request of this kind on this subject.

    Raises:
        NotFound: nobody asked.
    """
    found = store.requests.find_one({"_id": f"{what}/{subject}"})
    if found is None:
        raise NotFound(f"Nobody asked for approval of {subject}: `archloop approve` lists what waits.")
    return Request.model_validate(found)


@patient
def requests_of(store: Store, subject: str) -> list[Request]:
    """All requests on a subject: a campaign and an experiment may have the same name."""
    return [Request.model_validate(one) for one in store.requests.find({"subject": subject})]


@patient
def waiting_requests(store: Store, campaign: str | None = None) -> list[Request]:
    """What waits for people, oldest first; of one campaign if it is named. What was asked of a switch that has been
    turned since waits for nobody any more.
    """
    wanted = {"state": "waiting"} | ({"campaign": campaign} if campaign is not None else {})
    found = [Request.model_validate(one) for one in store.requests.find(wanted)]
    return sorted((one for one in found if not _is_overtaken(store, one)), key=lambda one: (one.at, one.id))


def subject_of_turn(switch: Control) -> str:
    """What people decide on who turn a switch: it as it stands, so that the next turn needs new voices."""
    return f"{switch.id}/{switch.number}"


def _is_overtaken(store: Store, request: Request) -> bool:
    if request.what not in ("pause", "resume"):
        return False
    return request.subject != subject_of_turn(get_control(store, request.subject.rpartition("/")[0]))


def decide(store: Store, request: Request, who: str, decision: Decision, reason: str = "") -> Request:
    """Record a person's word on a request and bring it to its end if it is the last that was needed.

    Said again, the same word changes nothing.

    Raises:
        Conflict: who is not an approver, or has said the opposite before; or the request has ended.
    """
    who, request = who.strip(), get_request(store, request.what, request.subject)  # it may have ended meanwhile
    request.rule.refuse_stranger(who)
    before = {one.who: one for one in list_approvals(store, request.subject, request.what)}
    if who not in before and request.state != "waiting":
        raise Conflict(f"{_name(request)} was {request.state} already, by {request.by}: there is nothing to decide.")
    said = before.get(who) or record_approval(
        store, request.what, request.subject, who, decision, request.amounts, campaign=request.campaign, reason=reason
    )
    if said.decision != decision:
        raise Conflict(
            f"{who} has {said.decision} {_name(request)} before, and a decision stands: ask somebody else to decide."
        )
    return conclude(store, request)


@patient
def conclude(store: Store, request: Request) -> Request:
    """Bring a request to its end if what people said is enough for one, and return it as it stands."""
    said = list_approvals(store, request.subject, request.what)
    refusal = next((one for one in said if one.decision == "refused"), None)
    if refusal is not None:
        _end(store, request, "refused", refusal.who, refusal.reason)
    elif said and len(said) >= request.rule.needed:
        _end(store, request, "approved", ", ".join(one.who for one in said), "")
    settle(store, "requests", request.id)
    return get_request(store, request.what, request.subject)


def name_flow_run(store: Store, request: Request, flow_run: str) -> bool:
    """Note which flow run is suspended for a request, in place of the one seen; False if another was faster."""
    wanted = {"_id": request.id, "flow_run": request.flow_run}
    return bool(store.requests.update_one(wanted, {"$set": {"flow_run": flow_run}}).matched_count)


def standing_of(store: Store, request: Request) -> str:
    """How far a request is, and how to decide on it, in a sentence."""
    said = [one.who for one in list_approvals(store, request.subject, request.what) if one.decision == "approved"]
    count = f"{len(said)} of {request.rule.needed} have approved" + (f" ({', '.join(said)})" if said else "")
    may = f" ({' or '.join(request.rule.approvers)})" if request.rule.approvers else ""
    if request.what in ("pause", "resume", "fork"):
        return f"{request.told}: {count}; the same command with --as NAME{may} adds a voice."
    return (
        f"{request.told} {count}: approve it with `archloop approve {request.subject} --as NAME`{may}, or refuse it "
        "with --refuse."
    )


def refusal_of(request: Request) -> str:
    """Why a refused request ended what asked for it."""
    why = f" ({request.reason})" if request.reason else ""
    rest = "start another campaign" if request.what == "campaign" else "choose another design"
    return f"{_name(request)} was refused by {request.by}{why}: {rest}, since a decision stands."


def _end(store: Store, request: Request, state: Literal["approved", "refused"], by: str, reason: str) -> None:
    ended = request.model_copy(update={"state": state, "by": by, "reason": reason})
    change = {"$set": {"state": state, "by": by, "reason": reason}, **telling(told_end(ended))}
    store.requests.update_one({"_id": request.id, "state": "waiting"}, change)


def told_end(one: Request) -> Told:
    """Enough people have decided."""
    body = {"what": one.what, "state": one.state, "by": one.by, "reason": one.reason}
    return Told(kind="decided", key=f"decided/{one.id}", campaign=one.campaign, subject=one.subject, body=body)


def told_question(one: Request) -> Told:
    """People were asked, and told this."""
    body = {
        "what": one.what,
        "needed": one.rule.needed,
        "approvers": ", ".join(one.rule.approvers),
        "told": one.told,
        "size": one.size,
        "estimate": sha256_of(one.estimate),
    }
    return Told(kind="asked", key=f"asked/{one.id}", campaign=one.campaign, subject=one.subject, body=body)


def _name(request: Request) -> str:
    if request.what == "verification":
        return f"The verification of {request.subject}"
    what = "start" if request.what == "campaign" else request.what
    return f"The {what} of {f'campaign {request.campaign}' if request.campaign else 'everything'}"
