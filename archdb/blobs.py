"""Large texts (source, motivations, reports), compressed, under their own hash: writing one twice adds nothing.

Whoever writes one is about to refer to it. So writing it again after hours makes it young again, and what nothing
refers to and nobody has written for a day or more may be removed (archdb/unreferenced.py).
"""

import hashlib
import json
import time
import zlib
from collections.abc import Sequence
from typing import Any

import pymongo.errors
from pydantic import Field

from archdb.bulk import insert_absent
from archdb.errors import NotFound
from archdb.patience import patient
from archdb.records import Body, Record, document, plain
from archdb.store import Document, Store

YOUNG_SECONDS = 6 * 3600.0  # far below a day, and long enough that a text in use is hardly ever written anew
AT_ONCE = 50  # ids in one question: the embedded store's fastest way to read many


class Blob(Record):
    """A text under its own hash."""

    id: str = Field(alias="_id")  # sha256 of the text in UTF-8, in hexadecimal
    zlib: bytes
    at: float


@patient
def put_text(store: Store, text: str) -> str:
    """Store a text and return its sha256 in hexadecimal."""
    blob = _blob(text)
    while True:
        try:
            store.blobs.insert_one(blob)
        except pymongo.errors.DuplicateKeyError:
            if not _make_young(store, [blob["_id"]]):
                continue  # it was removed in between
        return str(blob["_id"])


@patient
def put_texts(store: Store, texts: Sequence[str]) -> list[str]:
    """Store many texts in few round trips and return their sha256, in order."""
    blobs = [_blob(text) for text in texts]
    different = {blob["_id"]: blob for blob in blobs}
    insert_absent(store.blobs, list(different.values()))
    while not _make_young(store, list(different)):
        insert_absent(store.blobs, list(different.values()))
    return [str(blob["_id"]) for blob in blobs]


def _make_young(store: Store, digests: Sequence[str]) -> bool:
    """Say that these texts were written now, where that was hours ago. False if one of them is gone."""
    now, met = time.time(), 0
    for start in range(0, len(digests), AT_ONCE):
        found = list(store.blobs.find({"_id": {"$in": list(digests[start : start + AT_ONCE])}}, {"at": 1}))
        old = [one["_id"] for one in found if one["at"] < now - YOUNG_SECONDS]
        again = store.blobs.update_many({"_id": {"$in": old}}, {"$set": {"at": now}}).matched_count if old else 0
        met += len(found) - len(old) + again
    return met == len(digests)


def _blob(text: str) -> Document:
    data = text.encode()
    return document(Blob(id=hashlib.sha256(data).hexdigest(), zlib=zlib.compress(data, 6), at=time.time()))


@patient
def get_text(store: Store, digest: str) -> str:
    """The text with this sha256.

    Raises:
        NotFound: there is none, or what is stored does not have this hash.
    """
    return _text(digest, store.blobs.find_one({"_id": digest}))


@patient
def get_texts(store: Store, digests: Sequence[str]) -> list[str]:
    """The texts with these sha256, in order, in few round trips.

    Raises:
        NotFound: as :func:`get_text`.
    """
    found: dict[str, Document] = {}
    for start in range(0, len(digests), AT_ONCE):
        for one in store.blobs.find({"_id": {"$in": list(digests[start : start + AT_ONCE])}}):
            found[one["_id"]] = one
    return [_text(one, found.get(one)) for one in digests]


def _text(digest: str, found: Document | None) -> str:
    if found is None:
        raise NotFound(f"No text {digest[:12]} is stored: restore it from a backup.")
    try:
        data = zlib.decompress(found["zlib"])
    except zlib.error:
        data = b""
    if hashlib.sha256(data).hexdigest() != digest:
        raise NotFound(f"The stored text {digest[:12]} is damaged: restore it from a backup.")
    return data.decode()


def put_report(store: Store, schema: str, version: int, body: Body) -> str:
    """Store a typed report of another room as ``{schema, version, body}``. Returns its sha256."""
    return put_text(store, report_text(schema, version, body))


def report_text(schema: str, version: int, body: Body) -> str:
    """The text that a report is stored as."""
    return json.dumps({"schema": schema, "version": version, "body": plain(body, schema)}, sort_keys=True)


def get_report(store: Store, digest: str) -> dict[str, Any]:
    """The document that ``put_report`` stored."""
    found: dict[str, Any] = json.loads(get_text(store, digest))
    return found
