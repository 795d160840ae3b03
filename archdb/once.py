"""Records that are written once under a deterministic id: whoever comes second gets the first one's."""

from typing import TypeVar

import pymongo.errors
from pymongo.collection import Collection

from archdb.patience import patient
from archdb.records import Record, document
from archdb.store import Document

Once = TypeVar("Once", bound=Record)


@patient
def insert_or_find(collection: Collection[Document], one: Once, beside: Document | None = None) -> Once:
    """Keep the record unless there is one of its id, and return what is kept. ``beside`` is written with it."""
    kept = document(one)
    try:
        collection.insert_one(kept | (beside or {}))
    except pymongo.errors.DuplicateKeyError:
        return type(one).model_validate(collection.find_one({"_id": kept["_id"]}))
    return one
