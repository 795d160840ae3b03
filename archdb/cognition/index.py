"""Keeping the table in step with the entries: a queue in MongoDB, emptied by one worker at a time.

LanceDB doubles rows when two writers merge the same new key, and knows no transaction with MongoDB. So what is to be
indexed is queued first, under a key of its own; then the entry itself is written; then whoever holds the lease of the
table works the queue off, and takes an item off it when its rows are in. A worker that dies anywhere in between leaves
items behind, and the next one does them again, which changes nothing that is there.
"""

import time
import uuid
from collections.abc import Iterable
from functools import cache

import pymongo
import pymongo.errors
from pydantic import Field

from archdb.cognition.entries import Entry, all_ids, find_entries, shipped
from archdb.cognition.table import open_table, place, put_entries, table_name, tidy
from archdb.events import sha256_of
from archdb.leases import LEASE_SECONDS, is_held, this_process
from archdb.patience import patient
from archdb.records import Lease, Record, document
from archdb.store import Document, Store

BATCH = 64  # entries that are embedded between two renewals of the lease
PATIENCE = 120.0  # seconds that one waits for another worker to index one's entries; then they are found later
INDEXES = {"to_index": (("index",),)}


class Index(Record):
    """A table: where it lies, and that all entries of its time are in its queue or in it."""

    id: str = Field(alias="_id")  # its name and place
    literature: str  # hash over the papers that ship, as they are in it
    complete: bool = False
    lease: Lease = Lease()


class ToIndex(Record):
    """An entry whose passages have to be brought into a table."""

    id: str = Field(alias="_id")  # index and entry
    index: str
    entry: str
    since: float
    mark: str  # changes when it is queued again, so that a change in between is not lost


def index_name() -> str:
    """Names this process's table among those of all places and models."""
    return f"{table_name()} in {place()}"


@patient
def queue(store: Store, entries: Iterable[str]) -> None:
    """Say that these entries are new or changed, to every table that is known. Before they are written."""
    ids, now = list(entries), time.time()
    names = {index_name(), *(str(one["_id"]) for one in store.indexes.find({}, {"_id": 1}))}
    rows = [
        ToIndex(id=f"{name}/{entry}", index=name, entry=entry, since=now, mark=uuid.uuid4().hex)
        for name in sorted(names)
        for entry in ids
    ]
    if rows:
        store.to_index.bulk_write(
            [pymongo.ReplaceOne({"_id": one.id}, document(one), upsert=True) for one in rows], ordered=False
        )


def index_cognition(store: Store) -> int:
    """Index what is queued, and everything where the table is new, was lost, or has other literature than ships.

    Waits while another worker does it. Returns how many entries this call has brought in.
    """
    name, done, until = index_name(), 0, time.monotonic() + PATIENCE
    while not _is_current(store, name):
        token = _claim(store, name)
        if token is not None:
            try:
                done += _work_off(store, name, token)
            finally:
                _release(store, name, token)
        elif time.monotonic() > until:
            break
        else:
            time.sleep(0.2)
    return done


def _is_current(store: Store, name: str) -> bool:
    index = _find(store, name)
    whole = index.complete and index.literature == _literature()
    return whole and not _queued(store, name) and open_table().count_rows() > 0


def _work_off(store: Store, name: str, token: int) -> int:
    index = _find(store, name)
    if not index.complete or index.literature != _literature() or open_table().count_rows() == 0:
        if not index.complete:
            open_table().delete("true")  # of another store, whose place this was
        lost = not index.complete or open_table().count_rows() == 0
        queue(store, all_ids(store) if lost else shipped())
        _set(store, name, complete=True, literature=_literature())
    done, table = 0, open_table()
    waiting = _queued(store, name)
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        entries = find_entries(store, [one.entry for one in batch])
        if entries:
            put_entries(table, entries)
        _take_off(store, batch, entries)
        done += len(entries)
        if not _renew(store, name, token):
            break
    if done:
        tidy(table)
    return done


@cache
def _literature() -> str:
    return sha256_of({name: entry.sha256 for name, entry in shipped().items()})


@patient
def _queued(store: Store, name: str) -> list[ToIndex]:
    """What is to be done, without what was queued for an entry that is being written at this moment or never was."""
    waiting = [ToIndex.model_validate(one) for one in store.to_index.find({"index": name})]
    known = {one.id for one in find_entries(store, [one.entry for one in waiting])}
    return [one for one in waiting if one.entry in known]


@patient
def _take_off(store: Store, batch: list[ToIndex], entries: list[Entry]) -> None:
    done = {one.id for one in entries}
    for one in batch:
        if one.entry in done:
            store.to_index.delete_one({"_id": one.id, "mark": one.mark})


@patient
def _find(store: Store, name: str) -> Index:
    found = store.indexes.find_one({"_id": name})
    return Index.model_validate(found) if found else Index(id=name, literature="")


@patient
def _set(store: Store, name: str, **fields: object) -> None:
    store.indexes.update_one({"_id": name}, {"$set": dict(fields)})


def _claim(store: Store, name: str) -> int | None:
    """The lease of a table, or None while a live worker holds it."""
    owner = f"{this_process()}/{uuid.uuid4().hex[:8]}"
    now, at = _find(store, name), store.now()
    if is_held(now.lease, at):
        return None
    lease = Lease(owner=owner, token=now.lease.token + 1, expires=at + LEASE_SECONDS)
    return lease.token if _swap(store, now, lease) else None


def _renew(store: Store, name: str, token: int) -> bool:
    now = _find(store, name)
    held = now.lease.token == token
    return held and _swap(store, now, now.lease.model_copy(update={"expires": store.now() + LEASE_SECONDS}))


def _release(store: Store, name: str, token: int) -> None:
    now = _find(store, name)
    if now.lease.token == token:
        _swap(store, now, Lease(token=token))


@patient
def _swap(store: Store, now: Index, lease: Lease) -> bool:
    """Compare and set the lease of a table; False if another worker was faster."""
    fields: Document = {"lease": document(lease)}
    wanted = {"_id": now.id, "lease.token": now.lease.token, "lease.owner": now.lease.owner}
    if store.indexes.update_one(wanted, {"$set": fields}).matched_count:
        return True
    try:
        store.indexes.insert_one(document(Index(id=now.id, literature="", lease=lease)))
    except pymongo.errors.DuplicateKeyError:
        return bool(_find(store, now.id).lease == lease)
    return True
