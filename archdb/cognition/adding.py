"""Adding to the cognition base: papers from files, and what analyses found."""

import contextlib
import time
from collections.abc import Sequence

import pymongo
import pymongo.errors

from archdb.cognition.entries import Entry, find_entries, shipped
from archdb.cognition.index import index_cognition, queue
from archdb.errors import Conflict
from archdb.patience import patient
from archdb.records import Finding, Record, document
from archdb.store import Store


class Added(Record):
    """What adding entries changed."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


def add_entries(store: Store, entries: Sequence[Entry]) -> Added:
    """Keep entries under their ids and index those that are new or changed.

    Raises:
        Conflict: one has the id of a paper that ships with archloop.
    """
    taken = [one.id for one in entries if one.id in shipped()]
    if taken:
        raise Conflict(
            f"{taken[0]} ships with archloop: give your entry an id of its own, such as notes-{taken[0][-5:]}."
        )
    before = {one.id: one.sha256 for one in find_entries(store, [one.id for one in entries])}
    fresh = [one for one in entries if before.get(one.id) != one.sha256]
    queue(store, [one.id for one in fresh])
    _keep(store, fresh)
    index_cognition(store)
    return Added(
        new=tuple(one.id for one in fresh if one.id not in before),
        changed=tuple(one.id for one in fresh if one.id in before),
        same=tuple(one.id for one in entries if before.get(one.id) == one.sha256),
    )


@patient
def _keep(store: Store, entries: Sequence[Entry]) -> None:
    for one in entries:
        kept = document(one.model_copy(update={"created_at": one.created_at or time.time()}))
        store.entries.replace_one({"_id": one.id}, kept, upsert=True)


def record_findings(store: Store, findings: Sequence[Finding]) -> None:
    """Keep findings in MongoDB under their ids and index them. Repeating it changes nothing."""
    fresh = [one for one in findings if not find_entries(store, [one.id])]
    queue(store, [one.id for one in fresh])
    _insert(store, fresh)
    index_cognition(store)


@patient
def _insert(store: Store, findings: Sequence[Finding]) -> None:
    for one in findings:
        with contextlib.suppress(pymongo.errors.DuplicateKeyError):
            store.findings.insert_one(document(one))
