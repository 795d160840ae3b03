"""Do switches, approvals, requests and caps still agree with what the log says people decided?

Archloop may go on meanwhile: a record is read first, then what waits in it is appended to the log, and only then is the
log asked. So the log knows at least what the record says. What the log knew before has to be in the record.
"""

from collections.abc import Iterator

from archdb.amounts import KINDS
from archdb.audit.chain import Walk
from archdb.audit.faults import RESTORE, Fault, changed, gone, judged, lost, untold
from archdb.events import find_event
from archdb.governance.approvals import Approval, told_approval
from archdb.governance.control import Control, told_turn
from archdb.governance.requests import Request, told_end, told_question
from archdb.outbox import settle
from archdb.patience import patient
from archdb.store import Document, Store


def check_decisions(store: Store, walk: Walk, campaign: str | None = None) -> list[Fault]:
    """Compare switches, approvals and requests with the log; of one campaign if it is named."""
    faults: list[Fault] = []
    within: Document = {} if campaign is None else {"campaign": campaign}
    switches = {one for one in walk.switches if campaign in (None, one)}
    for name in sorted(switches | _ids(store, "controls", {} if campaign is None else {"_id": campaign})):
        faults += judged(name, _switch(store, name, walk))
    told = {one for one, of in walk.approvals.items() if campaign in (None, of)}
    for name in sorted(told | _ids(store, "approvals", within)):
        faults += judged(name, _approval(store, name))
    asked = {one for one, of in walk.requests.items() if campaign in (None, of)}
    for name in sorted(asked | _ids(store, "requests", within)):
        faults += judged(name, _request(store, name))
    capped = {one for one in walk.caps if campaign in (None, one)}
    for name in sorted(capped | _ids(store, "budgets", {} if campaign is None else {"_id": campaign})):
        faults += judged(name, _budget(store, name, walk))
    return faults


@patient
def _ids(store: Store, collection: str, within: Document) -> set[str]:
    return {str(one["_id"]) for one in store.database[collection].find(within, {"_id": 1})}


@patient
def _found(store: Store, collection: str, name: str) -> Document | None:
    found = store.database[collection].find_one({"_id": name})
    settle(store, collection, name)
    return found


def _switch(store: Store, name: str, walk: Walk) -> Iterator[Fault]:
    found = _found(store, "controls", name)
    if found is None:
        yield gone(f"The switch {name}")
        return
    one = Control.model_validate(found)
    last = find_event(store, f"control/{name}/{max(one.number, walk.switches.get(name, 0))}")
    if last is None:
        yield untold(f"The switch {name}", name)
    elif last.body != told_turn(one).body:
        yield changed(last, f"the switch {name}")


def _approval(store: Store, name: str) -> Iterator[Fault]:
    found = _found(store, "approvals", name)
    told = find_event(store, f"approval/{name}")
    if found is None:
        yield lost(told, f"the decision {name}") if told else gone(name)
    elif told is None:
        yield untold(f"The decision {name}", str(found["subject"]))
    elif told_approval(Approval.model_validate(found)).body != told.body:
        yield changed(told, f"the decision {name}")


def _request(store: Store, name: str) -> Iterator[Fault]:
    before = find_event(store, f"decided/{name}")
    found = _found(store, "requests", name)
    if found is None:
        yield gone(f"The request {name}")
        return
    one = Request.model_validate(found)
    asked, question = find_event(store, f"asked/{name}"), told_question(one).body
    if asked is None:
        yield untold(f"The request {name}", one.subject)
    elif any(question.get(part) != told for part, told in asked.body.items()):  # older versions told less
        yield changed(asked, f"the request {name}")
    ended = before if one.state == "waiting" else find_event(store, f"decided/{name}")
    if one.state != "waiting" and ended is None:
        yield untold(f"The end of the request {name}", one.subject)
    elif ended is not None and told_end(one).body != ended.body:
        yield changed(ended, f"the end of the request {name}")


def _budget(store: Store, name: str, walk: Walk) -> Iterator[Fault]:
    """The caps are those that were told last, and what is available is what they and the ledger leave."""
    found = _found(store, "budgets", name)
    if found is None:
        yield gone(f"The budget of {name}")
        return
    told = walk.caps.get(name, {})
    flying = [one["amounts"] for one in found["operations"].values()]
    for kind in KINDS:
        cap = int(found["caps"][kind])
        left = cap - int(found["spent"][kind]) - sum(int(one.get(kind, 0)) for one in flying)
        if kind in told and cap != told[kind] and cap not in _caps_since(store, name, kind, walk.end):
            yield untold(f"The cap of {cap} on {kind} in {name}", name)
        elif found["available"][kind] != left:
            yield Fault(
                kind="changed",
                subject=name,
                sentence=f"The budget of {name} has {found['available'][kind]} {kind} available, where its cap, what "
                f"is spent and what is in flight leave {left}: it was edited; {RESTORE}.",
            )


@patient
def _caps_since(store: Store, name: str, kind: str, sequence: int) -> list[object]:
    """The caps that the log tells of behind this place."""
    later = (one for one in store.events.find({"kind": "caps", "campaign": name}) if one["_id"] > sequence)
    return [one["body"].get(kind) for one in later]
