"""Many documents in few round trips: each insert waits for the journal, and thousands would wait for minutes."""

from collections.abc import Iterator, Sequence

import pymongo.errors
from pymongo.collection import Collection

from archdb.patience import patient
from archdb.store import Document

MOST = 200  # documents of one request
DUPLICATE = 11000  # MongoDB's code for a key that is taken


@patient
def insert_absent(collection: Collection[Document], documents: Sequence[Document]) -> None:
    """Insert the documents whose key is free; the others stay as they are stored."""
    for batch in _batches(documents):
        try:
            collection.insert_many(batch, ordered=False)
        except pymongo.errors.BulkWriteError as fault:
            told = fault.details or {}
            refused = [one for one in told.get("writeErrors", []) if one.get("code") != DUPLICATE]
            if refused or told.get("writeConcernErrors"):
                raise


def _batches(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    for start in range(0, len(documents), MOST):
        yield documents[start : start + MOST]
