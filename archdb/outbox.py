"""What makes a change and its event one: the event waits inside the changed document until it is in the chain.

A document is written together with what is to be told of it, in one atomic write, under ``pending``. Then each is
appended to the chain, where its key keeps it single, and taken off. A worker that dies in between leaves it there;
whoever claims the experiment next, or gives it back, or audits the log, goes on with it. An experiment's outline is
brought up to date in between, too. No record shows ``pending``: it is the outbox's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from archdb.bulk import insert_absent
from archdb.events import BATCH, Told, append_event, append_events
from archdb.outlines import record_outlines
from archdb.patience import patient
from archdb.records import Experiment, document
from archdb.store import Document, Store

PENDING = "pending"
# what holds an outbox
LOGGED = (
    "campaigns", "experiments", "proposals", "code_versions", "analyses", "model_calls", "verified",
    "controls", "requests", "approvals", "budgets",
)  # fmt: skip


def holding(*told: Told) -> Document:
    """The fields that a new document needs besides its own, so that these are told."""
    return {PENDING: [document(one) for one in told]}


def telling(*told: Told) -> Document:
    """The update operator that tells these together with whatever else the update changes."""
    return {"$push": {PENDING: {"$each": [document(one) for one in told]}}}


@patient
def settle(store: Store, collection: str, document_id: str) -> int:
    """Append what waits in a document. Returns how many events that were."""
    place = store.database[collection]
    found: Document = place.find_one({"_id": document_id}) or {}
    waiting: list[Any] = found.get(PENDING) or []
    if waiting and collection == "experiments":
        record_outlines(store, [Experiment.model_validate(found)])
    for one in waiting:
        append_event(store, Told.model_validate(one))
        place.update_one({"_id": document_id}, {"$pull": {PENDING: {"key": one["key"]}}})
    return len(waiting)


@patient
def pass_on(store: Store, collection: str, document_id: str, told: Told, experiment: Experiment | None = None) -> None:
    """Append what this process has just left waiting in a document, of which it need not be asked.

    What else may wait there is left to whoever left it, and to those who go on after them. ``experiment``: the document
    as it was written, where it is one.
    """
    if experiment is not None:
        record_outlines(store, [experiment])
    append_event(store, told)
    store.database[collection].update_one({"_id": document_id}, {"$pull": {PENDING: {"key": told.key}}})


@patient
def insert_telling(store: Store, collection: str, fresh: Mapping[str, tuple[Document, Sequence[Told]]]) -> None:
    """Insert many documents, by their ids, where these are free, together with what is to be told of each; then append
    what waits in them. In few round trips.
    """
    place = store.database[collection]
    insert_absent(place, [one | holding(*told) for one, told in fresh.values()])
    ids = list(fresh)
    for start in range(0, len(ids), BATCH):
        found = place.find({"_id": {"$in": ids[start : start + BATCH]}}, {PENDING: 1})
        waiting = {one["_id"]: one[PENDING] for one in found if one.get(PENDING)}
        told = [Told.model_validate(one) for some in waiting.values() for one in some]
        append_events(store, told)
        taken = {"$pull": {PENDING: {"key": {"$in": [one.key for one in told]}}}}
        if waiting:
            place.update_many({"_id": {"$in": list(waiting)}}, taken)


@patient
def settle_experiment(store: Store, experiment_id: str) -> int:
    """Append what a dead worker left waiting in an experiment and in what it made on its way."""
    left = [("proposals", experiment_id)]
    for several in ("code_versions", "model_calls"):
        found = store.database[several].find({"experiment": experiment_id}, {"_id": 1})
        left += [(several, one["_id"]) for one in found]
    left += [("analyses", experiment_id), ("experiments", experiment_id)]
    return sum(settle(store, collection, one) for collection, one in left)


@patient
def settle_all(store: Store) -> int:
    """Append everything that waits anywhere in the store. Returns how many events that were."""
    left = [
        (collection, one["_id"])
        for collection in LOGGED
        for one in store.database[collection].find({f"{PENDING}.0": {"$exists": True}}, {"_id": 1})
    ]
    return sum(settle(store, collection, one) for collection, one in left)
