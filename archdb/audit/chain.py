"""Is the event log whole? The chain is walked from its first event, and held against what was remembered outside.

An edit, a removal, a swap or a copy breaks the chain itself. A tail that was cut off, or a chain that was written anew
from some place on, does not: there the anchors tell, since each names the hash that the log once had at some place.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from archdb.audit.faults import RESTORE, Fault, broken, missing
from archdb.events import BATCH, documents_after, hash_of
from archdb.patience import patient
from archdb.records import Record
from archdb.store import Document, Store


class Anchor(Record):
    """The log's end as something outside remembers it."""

    place: str  # where it was found, for people: "the MLflow run 12ab of t-c001"
    campaign: str
    head: str  # SEQUENCE:HASH
    chain: str  # hash of the log's first event
    run: str = ""  # the MLflow run that carries it, if one does

    @property
    def sequence(self) -> int:
        """0 if the text is no anchor."""
        return int(self.head.partition(":")[0]) if re.fullmatch(r"[1-9]\d{0,15}:[0-9a-f]{64}", self.head) else 0


class Anchors(Record):
    """All anchors that were found."""

    found: tuple[Anchor, ...] = ()
    until: int = 0  # the log's end before they were read: what was closed later may have got its anchor later


@dataclass
class Walk:
    """What a walk along the chain found."""

    events: int = 0
    end: int = 0  # the place of the last event
    head: str = ""  # SEQUENCE:HASH of the last event
    chain: str = ""  # hash of the first event, if it is there
    anchors: int = 0  # anchors of this chain
    faults: list[Fault] = field(default_factory=list)
    campaigns: set[str] = field(default_factory=set)  # that events tell of
    experiments: dict[str, str] = field(default_factory=dict)  # that events tell of -> campaign
    tests: set[str] = field(default_factory=set)  # on fresh seeds, that events tell of
    switches: dict[str, int] = field(default_factory=dict)  # that events tell were turned -> how often
    caps: dict[str, dict[str, int]] = field(default_factory=dict)  # campaign -> the caps that events tell were set
    requests: dict[str, str] = field(default_factory=dict)  # for approval, that events tell of -> campaign
    approvals: dict[str, str] = field(default_factory=dict)  # decisions of people that events tell of -> campaign
    closed: dict[str, int] = field(default_factory=dict)  # experiments that events tell were closed -> the event


def check_chain(store: Store, anchors: Anchors | None = None, on_event: Callable[[int], None] = lambda _: None) -> Walk:
    """Walk the chain from its first event to its end.

    Args:
        store: where.
        anchors: read before the call, so that none can be newer than the chain; None if nobody was asked for them.
        on_event: called with the number of events seen so far.
    """
    walk = follow_chain(all_events(store), anchors, partial(_is_campaign, store), on_event)
    walk.faults += [broken("stray", one, "has no place in the chain") for one in _strays(store)]
    return walk


def follow_chain(
    events: Iterable[Document],
    anchors: Anchors | None,
    is_campaign: Callable[[str], bool],
    on_event: Callable[[int], None] = lambda _: None,
) -> Walk:
    """Walk a chain that is given event by event.

    Args:
        events: as they are stored, in the order of their ids, which are numbers.
        anchors: as of :func:`check_chain`.
        is_campaign: whether a campaign is of this log: tells whose anchors are looked at where the first event is gone.
        on_event: called with the number of events seen so far.
    """
    walk, link, keys = Walk(), _Link(), set[int]()
    known = anchors.found if anchors else ()
    wanted = {one.sequence: "" for one in known}
    for event in events:
        walk.faults += list(link.follow(event))
        key = hash(str(event.get("key")))
        if key in keys:
            walk.faults.append(broken("repeated", event, "tells again what an earlier event tells"))
        keys.add(key)
        if event["_id"] in wanted:
            wanted[event["_id"]] = str(event.get("hash"))
        if event["_id"] == 1:
            walk.chain = str(event.get("hash"))
        _remember(walk, event)
        walk.events += 1
        on_event(walk.events)
    walk.end = link.sequence
    walk.head = f"{link.sequence}:{link.stored}" if walk.events else ""
    walk.faults += list(_held_against(is_campaign, known, wanted, walk, link.sequence))
    return walk


@dataclass
class _Link:
    """The event that the next one has to follow on."""

    sequence: int = 0
    stored: str = ""  # the hash that it carries
    actual: str = ""  # the hash that it should carry

    def follow(self, event: Document) -> Iterator[Fault]:
        """Take one step. An event that was edited is told of once: the next one is no fault of its own."""
        place, actual = event["_id"], _hash_now(event)
        whole = isinstance(place, int) and place == self.sequence + 1
        if isinstance(place, int) and not whole:
            yield missing(self.sequence + 1, place - 1)
        if event.get("hash") != actual:
            yield broken("edited", event, "is not as it was written: its content does not give its hash")
        elif whole and event.get("prev") not in (self.stored, self.actual):
            yield broken(
                "replaced", event, f"does not follow on event {self.sequence} as that stands: one of them was replaced"
            )
        self.sequence, self.stored, self.actual = int(place), str(event.get("hash")), actual


def _hash_now(event: Document) -> str:
    try:
        return hash_of(event)
    except (TypeError, ValueError):  # it holds what no event can
        return ""


def all_events(store: Store) -> Iterator[Document]:
    """Every event as it is stored, in the order of the chain, a batch at a time. Gaps are passed over."""
    sequence = 0
    while True:
        batch = documents_after(store, sequence)
        yield from batch
        sequence += BATCH
        if not batch:
            beyond = _beyond(store, sequence)
            if beyond is None:
                return
            sequence = beyond - 1


@patient
def _beyond(store: Store, sequence: int) -> int | None:
    """The first place that is taken after this one."""
    found = list(store.events.find({"_id": {"$gt": sequence}}, {"_id": 1}).sort("_id", 1).limit(1))
    return int(found[0]["_id"]) if found else None


@patient
def _strays(store: Store) -> list[Document]:
    """Events whose id is no place: a walk along the chain does not meet them."""
    lost = [one for one in store.events.find({}, {"_id": 1}) if not isinstance(one["_id"], int) or one["_id"] < 1]
    return [one for one in (store.events.find_one({"_id": stray["_id"]}) for stray in lost[:BATCH]) if one is not None]


def _remember(walk: Walk, event: Document) -> None:
    kind, subject = str(event.get("kind")), str(event.get("subject"))
    if kind in ("stage", "migrated", "proposal", "code", "analysis", "call"):
        walk.experiments[subject] = str(event.get("campaign"))
    elif kind == "verified":
        walk.tests.add(str(event.get("key")).partition("/")[2])
    elif kind == "campaign":
        walk.campaigns.add(str(event.get("campaign")))
    elif kind in ("approved", "refused"):
        walk.approvals[str(event.get("key")).partition("/")[2]] = str(event.get("campaign"))
    elif kind == "asked":
        walk.requests[str(event.get("key")).partition("/")[2]] = str(event.get("campaign"))
    elif kind == "caps":
        told = event.get("body")
        walk.caps.setdefault(str(event.get("campaign")), {}).update(told if isinstance(told, dict) else {})
    elif kind in ("paused", "stopped", "resumed"):
        switch, _, number = str(event.get("key")).removeprefix("control/").rpartition("/")
        walk.switches[switch] = max(int(number) if number.isdecimal() else 0, walk.switches.get(switch, 0))
    if kind == "stage" and str(event.get("key")).endswith("/analyze:0"):
        walk.closed[subject] = event["_id"]


def _held_against(
    is_campaign: Callable[[str], bool], anchors: Sequence[Anchor], hashes: dict[int, str], walk: Walk, end: int
) -> Iterator[Fault]:
    ours = [one for one in anchors if (one.chain == walk.chain if walk.chain else is_campaign(one.campaign))]
    walk.anchors = len(ours)
    for one in ours:
        if one.sequence == 0:
            told = (
                f"The anchor at {one.place} ({one.head[:40]!r}) cannot be read: it was edited; mend or delete the tag."
            )
            yield Fault(kind="unreadable", subject=one.campaign, sentence=told)
    cut = [one for one in ours if one.sequence > end]
    if cut:
        last = max(cut, key=lambda one: one.sequence)
        lost = f"Event {end + 1} is" if last.sequence == end + 1 else f"Events {end + 1} to {last.sequence} are"
        yield Fault(
            kind="cut",
            event=end + 1,
            subject=last.campaign,
            sentence=f"{lost} missing: {last.place} has seen event {last.sequence}, and the log ends at {end}, so its "
            f"tail was cut off; {RESTORE}.",
        )
    met = [one for one in ours if hashes[one.sequence]]
    other = [one for one in met if one.head != f"{one.sequence}:{hashes[one.sequence]}"]
    if other:
        first = min(other, key=lambda one: one.sequence)
        agreed = max((one.sequence for one in met if one.sequence < first.sequence), default=0)
        yield Fault(
            kind="rewritten",
            event=first.sequence,
            subject=first.campaign,
            sentence=f"Event {first.sequence} had another hash when {first.place} was tagged: the log was written anew "
            f"from some event after {agreed} on; {RESTORE}.",
        )


@patient
def _is_campaign(store: Store, name: str) -> bool:
    return store.campaigns.find_one({"_id": name}, {"_id": 1}) is not None
