"""The event log: what was decided, in one chain in which each event carries the hash of the one before.

An event is never changed. Its ``_id`` is its place in the chain, so that of two writers who both hold the end one is
refused and walks on; its ``key`` is unique, so that what is told twice is written once. The chain alone cannot show
that its tail was cut off: that is what the anchors outside are for (archdb/audit/chain.py).
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pymongo.errors
from pydantic import Field, FiniteFloat

from archdb.bulk import DUPLICATE
from archdb.patience import patient
from archdb.records import Record, document, plain
from archdb.store import Document, Store

Scalar = str | bool | int | FiniteFloat | None
BATCH = 50  # the embedded store finds this many ids by its index; asked for more, or for a range, it reads everything
TOGETHER = 200  # events of one request
INDEXES = {"events": (("subject",),)}
UNIQUE = {"events": ("key",)}

_ends: dict[str, int] = {}  # store -> a sequence near the chain's end: a place to start looking, and no more


class Told(Record):
    """Something that happened, before it has its place in the chain."""

    kind: str
    key: str  # what is told twice under one key is written once
    campaign: str = ""
    subject: str = ""  # the experiment's id
    at: FiniteFloat = Field(default_factory=time.time)  # seconds since the epoch
    body: dict[str, Scalar] = Field(default_factory=dict)  # flat: numbers, names, and hashes of what it is about


class Event(Told):
    """A link of the chain."""

    id: int = Field(alias="_id")  # from 1, without gaps
    prev: str  # hash of the event before; "" for the first
    hash: str  # sha256 of all the other fields


class Head(Record):
    """The chain's end: what an anchor outside remembers of it."""

    sequence: int
    hash: str
    chain: str  # hash of the first event: tells the chains of several stores apart

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


def digest(value: Any) -> str:
    """sha256 in hexadecimal of a JSON document with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(event: Mapping[str, Any]) -> str:
    """The hash that an event, as the store holds it, must carry: over every field but the hash."""
    return digest({name: value for name, value in event.items() if name != "hash"})


@patient
def append_event(store: Store, told: Told) -> Event:
    """Append an event, or return the one that is there under its key."""
    at_once = True
    while True:
        last = _end(store) if at_once else _last(store)
        at_once = False
        fields = document(told) | {"_id": last["_id"] + 1 if last else 1, "prev": last["hash"] if last else ""}
        event = Event(**fields, hash=hash_of(fields))
        try:
            store.events.insert_one(document(event))
        except pymongo.errors.DuplicateKeyError:
            known = find_event(store, told.key)
            if known is not None:
                return known
            continue  # another writer took the place
        _ends[store.address] = event.id
        return event


@patient
def append_events(store: Store, told: Sequence[Told]) -> None:
    """Append many events in few round trips; those whose key is there already are passed over."""
    left = list(told)
    while left:
        last = _last(store)
        at, prev = (last["_id"], last["hash"]) if last else (0, "")
        links: list[Document] = []
        for one in left[:TOGETHER]:
            fields = document(one) | {"_id": at + 1, "prev": prev}
            links.append(fields | {"hash": hash_of(fields)})
            at, prev = at + 1, str(links[-1]["hash"])
        try:
            store.events.insert_many(links, ordered=True)
            written = len(links)
        except pymongo.errors.BulkWriteError as fault:
            (refused,) = (fault.details or {})["writeErrors"]
            if refused["code"] != DUPLICATE:
                raise
            written = refused["index"]
            if find_event(store, left[written].key) is not None:
                del left[written]
        if written:
            _ends[store.address] = links[written - 1]["_id"]
        left = left[written:]


@patient
def find_event(store: Store, key: str) -> Event | None:
    """The event under this key."""
    found = store.events.find_one({"key": key})
    return Event.model_validate(found) if found else None


@patient
def log_head(store: Store) -> Head | None:
    """The chain's end; None before the first event."""
    first, last = store.events.find_one({"_id": 1}), _last(store)
    return Head(sequence=last["_id"], hash=last["hash"], chain=first["hash"]) if first and last else None


@patient
def events_after(store: Store, sequence: int, limit: int = 100, campaign: str | None = None) -> list[Event]:
    """The next events after this place in the chain, in order: how a display follows it.

    Args:
        store: where.
        sequence: the place of the last event seen; 0 to begin with.
        limit: the most to return.
        campaign: with it, other campaigns' events are passed over.
    """
    found: list[Event] = []
    while len(found) < limit:
        batch = documents_after(store, sequence)
        if not batch:
            break
        found += [Event.model_validate(one) for one in batch if campaign in (None, one["campaign"])]
        sequence += BATCH
    return found[:limit]


@patient
def documents_after(store: Store, sequence: int) -> list[Document]:
    """The events in the next ``BATCH`` places as they are stored, in order. Empty at the end."""
    places = list(range(sequence + 1, sequence + 1 + BATCH))
    return sorted(store.events.find({"_id": {"$in": places}}), key=lambda one: float(one["_id"]))


def _end(store: Store) -> Document | None:
    """The event that was last seen at the end: whoever appends to another one is refused. Where it is gone, the end."""
    known = _ends.get(store.address, 0)
    return (store.events.find_one({"_id": known}) if known else None) or _last(store)


def _last(store: Store) -> Document | None:
    """The last event: steps that double, from where the end was last seen, then halving; never a scan."""
    known = _ends.get(store.address, 0)
    last = store.events.find_one({"_id": known}) if known else None
    at, step = (known, 1) if last else (0, 1)
    while (found := store.events.find_one({"_id": at + step})) is not None:
        last, at, step = found, at + step, step * 2
    beyond = at + step
    while beyond - at > 1:
        middle = (at + beyond) // 2
        found = store.events.find_one({"_id": middle})
        if found is None:
            beyond = middle
        else:
            last, at = found, middle
    return last


def sha256_of(record: Any) -> str:
    """The digest of a record or a part of one, as the store would hold it."""
    return digest(plain(record))
