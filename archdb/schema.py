"""What the store consists of: collections with their records, validators and indexes, and the version of it all."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pymongo
import pymongo.errors
from pydantic import Field

from archdb import (
    blobs,
    designs,
    events,
    fingerprints,
    front,
    judged,
    leases,
    ledger,
    lineage,
    model_calls,
    outlines,
    pool,
    running,
    tree,
    verified,
)
from archdb.cognition import entries, index
from archdb.errors import StoreMisconfigured, StoreOutdated
from archdb.governance import approvals, control, requests
from archdb.records import Campaign, Experiment, Finding, Outline, Record, Running, Verified, document
from archdb.store import Store
from archdb.validators import validator

SCHEMA, RESTORING = "schema", "restoring"  # a collection apart from the records, and the id of a mark in it
VERSION = 3  # of the records; archdb/migrations.py leads from each version to the next

COLLECTIONS: Mapping[str, type[Record]] = {
    "campaigns": Campaign,
    "experiments": Experiment,
    "outlines": Outline,
    "blobs": blobs.Blob,
    "running": Running,
    "findings": Finding,
    "entries": entries.Entry,
    "indexes": index.Index,
    "to_index": index.ToIndex,
    "verified": Verified,
    "proposals": designs.Proposed,
    "judged_proposals": judged.Judged,
    "code_versions": designs.CodeVersion,
    "analyses": designs.Analysed,
    "component_uses": designs.ComponentUse,
    "fingerprints": fingerprints.Fingerprint,
    "ideas": fingerprints.Idea,
    "events": events.Event,
    "budgets": ledger.Budget,
    "budget_entries": ledger.BudgetEntry,
    "model_calls": model_calls.ModelCall,
    "model_attempts": model_calls.ModelAttempt,
    "approvals": approvals.Approval,
    "requests": requests.Request,
    "controls": control.Control,
    "floors": pool.Floors,
    "fronts": front.Front,
    "places": tree.Place,
}
# each declares the indexes that its queries need
READERS = (
    approvals,
    designs,
    entries,
    events,
    fingerprints,
    front,
    index,
    leases,
    ledger,
    lineage,
    model_calls,
    outlines,
    pool,
    requests,
    running,
    tree,
    verified,
)
NAMESPACE_EXISTS = 48
INDEX_SECONDS = 3600  # the embedded store takes milliseconds a document where there are some already


class Schema(Record):
    """The one document that tells which version the store is of."""

    id: str = Field("archdb", alias="_id")
    version: int
    fingerprint: str  # of validators and indexes: they are installed anew when it changes


class Restoring(Record):
    """A mark in a store that is being filled with another one's records: until it is gone, they are not whole."""

    id: str = Field(RESTORING, alias="_id")
    source: str  # for people
    owner: str  # the process that fills it, as leases name it


def restoring(store: Store) -> Restoring | None:
    """The mark of a restore that is under way, or was cut off."""
    found = store.database[SCHEMA].find_one({"_id": RESTORING})
    return Restoring.model_validate(found) if found else None


def refuse_half_restored(store: Store) -> None:
    """Refuse a store that is not whole.

    Raises:
        StoreMisconfigured: it is being restored, or that was cut off.
    """
    half = restoring(store)
    if half is not None:
        raise StoreMisconfigured(
            f"The store at {store.address} is half restored from {half.source}: wait until that is done, or run the "
            "same restore again if it was cut off."
        )


def check_version(version: int, what: str) -> int:
    """The version, if this archloop can read its records, or bring them forward.

    Raises:
        StoreOutdated: a newer archloop wrote them.
    """
    if version > VERSION:
        raise StoreOutdated(
            f"{what} was written by a newer archloop (version {version} of the records, this one reads {VERSION}): "
            "upgrade archloop."
        )
    return version


def prepare(store: Store) -> None:
    """Install what an empty store lacks, and make sure that the records are of this version.

    Raises:
        StoreMisconfigured: it is being restored, or that was cut off.
        StoreOutdated: they are of an older version (``archloop db migrate`` mends it) or of a newer one.
    """
    refuse_half_restored(store)
    found = store_version(store)
    if found is None:
        install(store)
    elif check_version(found.version, f"The store at {store.address}") < VERSION:
        raise StoreOutdated(
            f"The store at {store.address} holds records of version {found.version}, and this archloop reads version "
            f"{VERSION}: stop what works on it and run `archloop db migrate`."
        )
    elif found.fingerprint != fingerprint():
        install(store)


def store_version(store: Store) -> Schema | None:
    """The schema that the store is of; None for a store without records. Version 1 did not say so."""
    found = store.database[SCHEMA].find_one({"_id": "archdb"})
    if found is not None:
        return Schema.model_validate(found)
    holds = any(store.database[name].find_one({}, {"_id": 1}) for name in ("campaigns", "experiments"))
    return Schema(version=1, fingerprint="") if holds else None


def install(store: Store) -> None:
    """Create collections, validators and indexes, or bring those that exist up to date; then say so in the store."""
    existing = set(store.database.list_collection_names())
    for name, record in COLLECTIONS.items():
        if name not in existing:
            try:
                store.database.create_collection(name, validator=validator(record))
                continue
            except pymongo.errors.CollectionInvalid:
                pass
            except pymongo.errors.OperationFailure as fault:  # another process was faster
                if fault.code != NAMESPACE_EXISTS:
                    raise
        store.database.command("collMod", name, validator=validator(record))
    for name in COLLECTIONS:
        create_indexes(store, name)
    for name, key in events.UNIQUE.items():
        store.database[name].create_index(key, unique=True)
    said = document(Schema(version=VERSION, fingerprint=fingerprint()))
    store.database[SCHEMA].replace_one({"_id": "archdb"}, said, upsert=True)


def create_indexes(store: Store, collection: str) -> None:
    """Create those that the collection's queries need."""
    for name, keys in _indexes():
        if name == collection:
            with pymongo.timeout(INDEX_SECONDS):
                store.database[name].create_index([_direction(key) for key in keys])


def fingerprint() -> str:
    """sha256 over every validator and index."""
    whole: Any = [{name: validator(one) for name, one in COLLECTIONS.items()}, _indexes(), events.UNIQUE]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _indexes() -> list[tuple[str, tuple[str, ...]]]:
    return [(name, keys) for module in READERS for name, indexes in module.INDEXES.items() for keys in indexes]


def _direction(key: str) -> tuple[str, int]:
    return (key[1:], -1) if key.startswith("-") else (key, 1)
