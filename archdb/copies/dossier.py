"""A dossier: the records that a campaign's results rest on, as they are stored, with the log that vouches for them.

Records are kept as documents, unknown fields included, since the log's hashes are over those. Texts (programs, reports,
prompts, replies) are there once, under their sha256.
"""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from archdb.audit.chain import Anchors, all_events
from archdb.blobs import AT_ONCE, get_texts
from archdb.campaigns import get_campaign
from archdb.dispatches import is_working
from archdb.errors import Conflict, DossierUnusable, NotFound
from archdb.leases import is_held
from archdb.outbox import PENDING, settle_all
from archdb.patience import patient
from archdb.records import Body, Experiment, Record
from archdb.store import Document, Store

# what hangs on a campaign: a collection's documents carry its name in the field `campaign`
HELD = (
    "experiments", "proposals", "judged_proposals", "code_versions", "model_calls", "analyses", "findings", "verified",
)  # fmt: skip
VERSIONED = ("_id", "rev", "result")  # what may change of a record
REST = "wait until {} rests, or stop it, and export then."
PASSING = (PENDING, "lease", "dispatch")  # of a worker that is at work, and no part of any hash
SHA256 = re.compile(r"[0-9a-f]{64}")


class Dossier(Record):
    """What a campaign's results rest on, with what its exporter says of it."""

    name: str  # of the campaign
    manifest: Body = Field(default_factory=dict)  # data, fitness source, environment and leaderboard, as exported
    campaign: Body  # the document
    records: dict[str, list[Body]] = Field(default_factory=dict)  # collection -> documents
    events: list[Body] = Field(default_factory=list)  # of the whole store: a chain has no parts
    anchors: Anchors | None = None  # None: MLflow, which holds them, was not asked
    texts: dict[str, str] = Field(default_factory=dict)  # sha256 -> text


def read_dossier_of(store: Store, name: str, anchors: Anchors | None) -> Dossier:
    """The records that a campaign's results rest on, as of one moment. ``anchors`` were read before the call.

    Raises:
        NotFound: there is no such campaign.
        DossierUnusable: it was imported, or its baselines are not finished.
        Conflict: a worker is at work on one of its designs, or was meanwhile, so that records would not fit together.
    """
    campaign = get_campaign(store, name)
    if campaign.ranked_by:
        raise DossierUnusable(
            f"Campaign {name} was imported: its scores came without raw results, so there is nothing to verify."
        )
    if campaign.panel is None:
        raise DossierUnusable(f"The baselines of {name} are not finished: run it on, then export its dossier.")
    found = _campaign(store, name)
    records = {collection: _documents(store, collection, name) for collection in HELD}
    at = store.now()
    for one in records["experiments"]:
        experiment = Experiment.model_validate(one)
        if is_held(experiment.lease, at) or is_working(experiment.dispatch, at):
            raise Conflict(f"A worker is at work on {one['_id']}: {REST.format(name)}")
    settle_all(store)  # so that the log knows all that was read
    events = list(all_events(store))
    if {collection: _versions(store, collection, name) for collection in HELD} != _versions_of(records):
        raise Conflict(f"Something was recorded of {name} while it was read: {REST.format(name)}")
    for documents in records.values():
        for one in documents:
            for field in PASSING:
                one.pop(field, None)
    texts = _texts(store, sorted(set(_hashes([found, *records.values()]))))
    return Dossier(name=name, campaign=found, records=records, events=events, anchors=anchors, texts=texts)


@patient
def _campaign(store: Store, name: str) -> Document:
    found = store.campaigns.find_one({"_id": name})
    if found is None:
        raise NotFound(f"No campaign is called {name}.")
    return {field: value for field, value in found.items() if field != PENDING}


@patient
def _documents(store: Store, collection: str, campaign: str) -> list[Document]:
    return sorted(store.database[collection].find({"campaign": campaign}), key=lambda one: str(one["_id"]))


@patient
def _versions(store: Store, collection: str, campaign: str) -> dict[str, Document]:
    """What tells whether a record is as it was: most are written once, and a test gets its hold-out's word later."""
    found = store.database[collection].find({"campaign": campaign}, dict.fromkeys(VERSIONED, 1))
    return {str(one["_id"]): one for one in found}


def _versions_of(records: dict[str, list[Body]]) -> dict[str, dict[str, Document]]:
    return {
        collection: {str(one["_id"]): {field: one[field] for field in VERSIONED if field in one} for one in documents}
        for collection, documents in records.items()
    }


def _hashes(value: Any) -> Iterator[str]:
    """Every text anywhere in records that may name a text."""
    if isinstance(value, str):
        if SHA256.fullmatch(value):
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _hashes(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _hashes(inner)


def _texts(store: Store, hashes: list[str]) -> dict[str, str]:
    """Those that are kept: other hashes are of weights and of data."""
    kept: list[str] = []
    for start in range(0, len(hashes), AT_ONCE):
        kept += _kept(store, hashes[start : start + AT_ONCE])
    return dict(zip(kept, get_texts(store, kept), strict=True))


@patient
def _kept(store: Store, hashes: list[str]) -> list[str]:
    return sorted(str(one["_id"]) for one in store.blobs.find({"_id": {"$in": hashes}}, {"_id": 1}))
