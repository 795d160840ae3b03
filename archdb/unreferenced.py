"""Texts that nothing refers to any more: what a worker that died had stored before it recorded what for.

A text is kept while any record of any collection, the event log included, or another kept text has its sha256 in it,
and for a time of grace after somebody last stored it: he may be about to refer to it.
"""

import re
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import bson

from archdb.blobs import YOUNG_SECONDS
from archdb.copies.copying import read_whole
from archdb.patience import patient
from archdb.store import Store

SHA256 = re.compile(rb"(?=([0-9a-f]{64}))")  # wherever one begins, inside longer ones, too
CASSETTE = b'{"kind":"cassette"'  # a kept cassette is there to be replayed, whoever refers to it


class Unreferenced(NamedTuple):
    """A text that nothing refers to."""

    sha256: str
    bytes: int  # as stored
    at: float  # when it was last stored, seconds since the epoch


class _Text(NamedTuple):
    size: int
    at: float
    names: frozenset[str]
    cassette: bool


def find_unreferenced(store: Store, grace: float) -> list[Unreferenced]:
    """What nothing refers to, and nobody has stored for ``grace`` seconds. Reads the whole store, as of one moment.

    Raises:
        ValueError: the grace is not above ``YOUNG_SECONDS``: who stores a younger text again leaves no trace of it, so
            it could be taken from him.
    """
    if grace <= YOUNG_SECONDS:
        raise ValueError(f"A grace of {grace:g} seconds is too short: give more than {YOUNG_SECONDS:g}.")
    until = time.time() - grace
    texts: dict[str, _Text] = {}
    needed: set[str] = set()

    def take(name: str, one: bytes) -> None:
        if name == "blobs":
            blob = bson.decode(one)
            texts[blob["_id"]] = _read(blob["zlib"], float(blob["at"]))
        else:
            needed.update(_mentioned(one))

    read_whole(store, take)
    needed |= {sha256 for sha256, one in texts.items() if one.cassette or one.at > until}
    kept = _reached(needed, texts)
    left = [Unreferenced(sha256, one.size, one.at) for sha256, one in texts.items() if sha256 not in kept]
    return sorted(left, key=lambda one: one.at)


@patient
def remove_unreferenced(store: Store, found: Sequence[Unreferenced]) -> int:
    """Remove these texts, but for those that were stored again since. Returns how many went."""
    return sum(store.blobs.delete_one({"_id": one.sha256, "at": one.at}).deleted_count for one in found)


def _read(packed: bytes, at: float) -> _Text:
    try:
        text = zlib.decompress(packed)
    except zlib.error:
        text = b""  # the audit tells of it, if anything refers to it
    return _Text(len(packed), at, frozenset(_mentioned(text)), text.startswith(CASSETTE))


def _mentioned(data: bytes) -> Iterator[str]:
    return (one.group(1).decode() for one in SHA256.finditer(data))


def _reached(needed: set[str], texts: Mapping[str, _Text]) -> set[str]:
    reached: set[str] = set()
    waiting = [one for one in needed if one in texts]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += [other for other in texts[one].names if other in texts]
    return reached
