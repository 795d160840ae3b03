"""Do switches and approvals still agree with what the log says people decided?"""

from collections.abc import Iterator, Mapping

from archdb.audit.chain import Walk
from archdb.audit.faults import Fault, changed, gone, judged, lost, untold
from archdb.events import find_event
from archdb.governance.approvals import Approval, told_approval
from archdb.governance.control import Control, told_turn
from archdb.governance.requests import Request, told_end
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
    for name, caps in sorted(walk.caps.items()):
        if campaign in (None, name):
            faults += judged(name, _caps(store, name, caps))
    return faults


@patient
def _ids(store: Store, collection: str, within: Document) -> set[str]:
    return {str(one["_id"]) for one in store.database[collection].find(within, {"_id": 1})}


@patient
def _found(store: Store, collection: str, name: str) -> Document | None:
    settle(store, collection, name)
    return store.database[collection].find_one({"_id": name})


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
    found = _found(store, "requests", name)
    ended = find_event(store, f"decided/{name}")
    if found is None:
        yield gone(f"The request {name}")
        return
    one = Request.model_validate(found)
    if find_event(store, f"asked/{name}") is None:
        yield untold(f"The request {name}", one.subject)
    if one.state != "waiting" and ended is None:
        yield untold(f"The end of the request {name}", one.subject)
    elif ended is not None and told_end(one).body != ended.body:
        yield changed(ended, f"the end of the request {name}")


def _caps(store: Store, name: str, told: Mapping[str, int]) -> Iterator[Fault]:
    found = _found(store, "budgets", name)
    if found is None:
        yield gone(f"The budget of {name}")
        return
    for kind, cap in told.items():
        now = int(found["caps"][kind])
        if now != cap and not _was_told(store, name, kind, now):
            yield untold(f"The cap of {now} on {kind} in {name}", name)


@patient
def _was_told(store: Store, name: str, kind: str, cap: int) -> bool:
    """Whether the log tells of this cap: it may have been raised since the walk."""
    return any(one["body"].get(kind) == cap for one in store.events.find({"kind": "caps", "campaign": name}))
