"""A backup: a whole store as one gzipped file of BSON documents. It is there only once it is whole and was read again.

The first document says of which version the records are, then comes one for each record, and the last has the count and
the hash of every collection: a file that was cut off or changed is found out before anything is restored from it.
"""

import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pydantic import ValidationError

from archdb.copies.copying import RAW, Counted, Take, Total, Totals, read_whole, readable_version
from archdb.draft import drafted
from archdb.errors import BackupUnusable
from archdb.records import Record, document
from archdb.schema import check_version
from archdb.store import Store

KIND, FORMAT = "archloop backup", 1
GZIP = b"\x1f\x8b"  # how a gzip file begins
AGAIN = "take another backup, or give another file."


class Backup(Record):
    """What a file holds."""

    version: int  # of the records
    made_at: float  # seconds since the epoch
    source: str  # the store's address
    totals: dict[str, Total]  # by collection

    @property
    def documents(self) -> int:
        return sum(one.documents for one in self.totals.values())


def write_backup(store: Store, file: Path, *, at_rest: bool = False, on_document: Callable[[], None]) -> Backup:
    """Write the store, as of one moment, into a new file, and read that again.

    Args:
        store: opened as it is, with :func:`archdb.store.connect`.
        file: must not exist.
        at_rest: as for :func:`archdb.copies.copying.read_whole`.
        on_document: called for each document that was written.

    Raises:
        BackupUnusable: the file exists, or cannot be written.
        Conflict, StoreMisconfigured: as :func:`archdb.copies.copying.read_whole`.
    """
    if file.exists():
        raise BackupUnusable(f"{file} is there already, and no backup is ever replaced: give another name.")
    version = readable_version(store)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with drafted(file, anew=True) as draft:
            totals = _write(store, draft, version, at_rest, on_document)
            made = read_backup(draft)
            if made.totals != totals:
                raise BackupUnusable(f"{draft} does not hold what was written to it: look after that disk.")
    except OSError as fault:
        raise BackupUnusable(f"{file} cannot be written ({fault.strerror}): give another path.") from None
    return made


def _write(store: Store, draft: Path, version: int, at_rest: bool, on_document: Callable[[], None]) -> Totals:
    with draft.open("wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
            head = {"kind": KIND, "format": FORMAT, "version": version, "at": time.time(), "of": store.address}
            out.write(bson.encode(head))

            def take(name: str, one: bytes) -> None:
                out.write(bson.encode({"in": name, "is": RawBSONDocument(one)}))
                on_document()

            totals = read_whole(store, take, at_rest=at_rest)
            out.write(bson.encode({"kind": "end", "totals": {name: document(one) for name, one in totals.items()}}))
        raw.flush()
        os.fsync(raw.fileno())
    return totals


def read_backup(file: Path, take: Take = lambda name, one: None) -> Backup:
    """Give every document in a file to ``take``, whose own faults pass.

    Raises:
        BackupUnusable: it is no backup, or cut off, or was changed.
        StoreOutdated: a newer archloop wrote it.
    """
    contents = _contents(file)
    while not isinstance(one := next(contents), Backup):
        take(*one)
    return one


def _contents(file: Path) -> Iterator[tuple[str, bytes] | Backup]:
    """Every document with its collection's name, and at last what they were."""
    try:
        with file.open("rb") as raw:
            if raw.read(len(GZIP)) != GZIP:
                raise BackupUnusable(f"{file} is no backup: give a file that `archloop db backup` wrote.")
        with gzip.open(file, "rb") as opened:
            yield from _read(file, opened)
    except (EOFError, zlib.error, gzip.BadGzipFile, BSONError, KeyError, TypeError, ValidationError):
        raise BackupUnusable(f"{file} is damaged or cut off: {AGAIN}") from None
    except OSError as fault:
        raise BackupUnusable(f"{file} cannot be read ({fault.strerror or fault}): give the path of a backup.") from None


def _read(file: Path, opened: Any) -> Iterator[tuple[str, bytes] | Backup]:
    documents = _documents(opened)
    head = dict(next(documents, {}))
    if head.get("kind") != KIND or head.get("format") != FORMAT:
        raise BackupUnusable(f"{file} is no backup that this archloop reads: give a file that it wrote.")
    check_version(head["version"], f"{file}")
    found = Counted()
    for one in documents:
        if "in" in one:
            name, raw = one["in"], one["is"].raw
            found.take(name, raw)
            yield name, raw
            continue
        totals: Totals = {name: Total.model_validate(dict(said)) for name, said in one["totals"].items()}
        if totals != found.totals() or next(documents, None) is not None:
            raise BackupUnusable(f"{file} was changed after it was written: {AGAIN}")
        yield Backup(version=head["version"], made_at=head["at"], source=head["of"], totals=dict(totals))
        return
    raise EOFError


def _documents(opened: BinaryIO) -> Iterator[RawBSONDocument]:
    return bson.decode_file_iter(opened, RAW)
