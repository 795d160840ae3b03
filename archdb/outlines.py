"""Outlines of experiments: what tables, the tree and the search read, without the stages of what they stand for.

An experiment is the truth, its outline follows: each change of the one is followed by the other, and a change that a
stage made keeps waiting in the experiment's outbox until the outline has it too. So what a crash left behind is put
right by whoever goes on with the experiment.
"""

from collections.abc import Sequence
from typing import Any

import pymongo
import pymongo.errors

from archdb.patience import patient
from archdb.records import Experiment, Outline, document
from archdb.store import Store

INDEXES = {"outlines": (("campaign", "cycle"),)}
FIELDS = frozenset(Outline.model_fields) - {"rev"}
DUPLICATE_KEY = 11000


def outline_of(experiment: Experiment) -> Outline:
    """The experiment without the record of the work on it."""
    return Outline.model_validate({name: getattr(experiment, name) for name in Outline.model_fields})


@patient
def record_outlines(store: Store, experiments: Sequence[Experiment]) -> None:
    """Keep the outlines of these experiments, unless newer ones are kept already. Idempotent."""
    rows = [document(outline_of(one)) for one in experiments]
    if not rows:
        return
    newer = [pymongo.ReplaceOne({"_id": row["_id"], "rev": {"$lte": row["rev"]}}, row, upsert=True) for row in rows]
    try:
        store.outlines.bulk_write(newer, ordered=False)
    except pymongo.errors.BulkWriteError as fault:  # an upsert whose id is taken: by a newer outline
        errors: list[Any] = (fault.details or {}).get("writeErrors", [])
        if not errors or any(one["code"] != DUPLICATE_KEY for one in errors):
            raise


@patient
def find_outlines(store: Store, ids: Sequence[str]) -> list[Outline]:
    """The outlines with these ids that exist, in this order."""
    if not ids:
        return []
    found = {one["_id"]: one for one in store.outlines.find({"_id": {"$in": list(ids)}})}
    return [Outline.model_validate(found[one]) for one in ids if one in found]


@patient
def campaign_outlines(store: Store, campaign: str) -> list[Outline]:
    """Every outline of a campaign, of all kinds, repetitions on fresh seeds included, the oldest first."""
    found = [Outline.model_validate(one) for one in store.outlines.find({"campaign": campaign})]
    return sorted(found, key=lambda one: (one.created_at, one.id))
