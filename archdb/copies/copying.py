"""A whole store read as it was at one moment, and written into an empty one: what backups and moves are made of.

Documents travel as the BSON bytes that the store returned, so no type is lost on the way. What arrived is read again
and compared, collection by collection, before anybody may use it: until then a mark in the store says that it is half
full.
"""

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import bson
import pymongo.errors
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from archdb.errors import Conflict, StoreMisconfigured
from archdb.leases import is_alive, this_process
from archdb.patience import store_faults
from archdb.records import Record, document
from archdb.schema import (
    RESTORING,
    SCHEMA,
    VERSION,
    Restoring,
    Schema,
    check_version,
    install,
    restoring,
    store_version,
)
from archdb.store import Store

RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)
ID_FIRST = b"_id\0"
MOST, MOST_BYTES = 200, 8 * 2**20  # documents, and their bytes, of one request
Take = Callable[[str, bytes], None]  # gets a collection's name and a document of it


class Total(Record):
    """What a collection holds. Two of the same total hold the same documents, in whatever order."""

    documents: int
    sha256: str  # of the sorted sha256 of the documents as BSON


Totals = Mapping[str, Total]


class Counted:
    """Sums documents up while they pass."""

    def __init__(self) -> None:
        self._digests: dict[str, list[bytes]] = defaultdict(list)

    def take(self, name: str, one: bytes) -> None:
        self._digests[name].append(hashlib.sha256(one).digest())

    def totals(self) -> dict[str, Total]:
        return {
            name: Total(documents=len(found), sha256=hashlib.sha256(b"".join(sorted(found))).hexdigest())
            for name, found in sorted(self._digests.items())
        }


def readable_version(store: Store) -> int:
    """The version of the records of a store that is whole and holds some.

    Raises:
        Conflict: it is empty, or a restore into it was not finished.
        StoreOutdated: a newer archloop wrote it.
    """
    with store_faults():
        half, found = restoring(store), store_version(store)
        holds = any(_collection(store, name).find_one({}, {"_id": 1}) for name in _names(store))
    if half is not None:
        raise Conflict(f"The store at {store.address} is half restored from {half.source}: finish that first.")
    if found is None or not holds:
        raise Conflict(f"The store at {store.address} holds no records, so there is nothing to copy.")
    return check_version(found.version, f"The store at {store.address}")


def read_whole(store: Store, take: Take, *, at_rest: bool = False) -> Totals:
    """Give every document of the store to ``take``, as of one moment, whoever is writing meanwhile.

    The moment is a transaction's. Where the server knows none, or with ``at_rest``, everything is read twice, and has
    to be the same both times.

    Raises:
        Conflict: the store changed while it was read twice.
        StoreMisconfigured: the server ended the transaction before everything was read.
    """
    names = _names(store)
    with store_faults():
        if not at_rest and _knows_transactions(store):
            return _read_in_transaction(store, names, take)
        found, again = Counted(), Counted()
        _read(store, names, _both(take, found.take))
        _read(store, _names(store), again.take)
    if found.totals() != again.totals():
        raise Conflict(
            f"The store at {store.address} changed while it was read ({_told_apart(found.totals(), again.totals())}"
            "): stop what works on it, and run the same command again."
        )
    return found.totals()


def _knows_transactions(store: Store) -> bool:
    """Whether it is a replica set, or a mongos in front of several."""
    told = store.client.admin.command("hello")
    return "setName" in told or told.get("msg") == "isdbgrid"


def _read_in_transaction(store: Store, names: list[str], take: Take) -> Totals:
    """The faults of ``take``, which may write to another server, are its own."""
    found = Counted()
    with store.client.start_session() as session:  # whose end aborts what was not committed
        session.start_transaction(read_concern=ReadConcern("snapshot"))
        documents = _documents(store, names, session)
        while True:
            with _transaction_faults(store):
                one = next(documents, None)
            if one is None:
                break
            take(*one)
            found.take(*one)
        with _transaction_faults(store):
            session.commit_transaction()
    return found.totals()


@contextlib.contextmanager
def _transaction_faults(store: Store) -> Iterator[None]:
    try:
        yield
    except pymongo.errors.OperationFailure as fault:
        raise StoreMisconfigured(
            f"The server at {store.address} ended the transaction in which everything was to be read ({fault.code}): "
            "stop what works on the store and give --at-rest, or raise transactionLifetimeLimitSeconds there."
        ) from fault


def _read(store: Store, names: list[str], take: Take) -> None:
    for name, one in _documents(store, names):
        take(name, one)


def _documents(store: Store, names: list[str], session: ClientSession | None = None) -> Iterator[tuple[str, bytes]]:
    for name in names:
        for one in _collection(store, name).find({}, session=session):
            yield name, _with_id_first(one)


def _both(first: Take, second: Take) -> Take:
    def take(name: str, one: bytes) -> None:
        first(name, one)
        second(name, one)

    return take


def _with_id_first(one: RawBSONDocument) -> bytes:
    """MongoDB puts ``_id`` first, the embedded store leaves it where it was: only so do their copies compare."""
    raw = bytes(one.raw)
    if raw[5:9] == ID_FIRST:
        return raw
    return bson.encode({"_id": one["_id"]} | dict(one))


def write_whole(store: Store, version: int, source: str, read: Callable[[Take], Totals]) -> Totals:
    """Fill an empty store with what ``read`` gives, and compare what it holds then.

    A store in which this was cut off is refused by everybody else; doing it again starts from nothing.

    Args:
        store: opened as it is, with :func:`archdb.store.connect`.
        version: of the records that come.
        source: where they come from, for people.
        read: gives every document to what it is called with, and returns what these were.

    Raises:
        Conflict: the store holds records, or somebody else is filling it, or what arrived is not what was sent.
    """
    with store_faults():
        half = _begin(store, source)
        if half or version != VERSION:  # validators of this version refuse other ones' records
            for name in _names(store):
                store.database.drop_collection(name)
            store.database[SCHEMA].delete_one({"_id": "archdb"})
        if version == VERSION:
            install(store)
        filling = _Filling(store)
        sent = read(filling.take)
        filling.flush()
        arrived = Counted()
        _read(store, _names(store), arrived.take)
        if arrived.totals() != sent:
            raise Conflict(
                f"What arrived at {store.address} is not what was sent ({_told_apart(sent, arrived.totals())}): "
                "make sure that nothing else writes there, and run the same command again."
            )
        if 1 < version < VERSION:  # version 1 did not say so
            said = document(Schema(version=version, fingerprint=""))
            store.database[SCHEMA].replace_one({"_id": "archdb"}, said, upsert=True)
        store.database[SCHEMA].delete_one({"_id": RESTORING})
    return sent


def _begin(store: Store, source: str) -> bool:
    """Whether an earlier try was cut off."""
    busy = (
        f"Another process is filling the store at {store.address} since it was empty: wait for it; if it was cut off, "
        "run the command again on the machine where it ran, or give an empty store."
    )
    half = restoring(store)
    if half is None and any(_collection(store, name).find_one({}, {"_id": 1}) for name in _names(store)):
        raise Conflict(
            f"The store at {store.address} holds records, and nothing is ever written over them: give an empty one, "
            "such as another data folder or another database of the server."
        )
    if half is not None and is_alive(half.owner) is not False and half.owner != this_process():
        raise Conflict(busy)
    mark = document(Restoring(source=source, owner=this_process()))
    try:
        if half is None:
            store.database[SCHEMA].insert_one(mark)
        elif not store.database[SCHEMA].replace_one({"_id": RESTORING, "owner": half.owner}, mark).matched_count:
            raise Conflict(busy)  # somebody else has taken the dead one's place
    except pymongo.errors.DuplicateKeyError:
        raise Conflict(busy) from None
    return half is not None


class _Filling:
    """Documents on their way into a store, many in a request."""

    def __init__(self, store: Store) -> None:
        self._store, self._name, self._bytes = store, "", 0
        self._waiting: list[RawBSONDocument] = []

    def take(self, name: str, one: bytes) -> None:
        if name != self._name or len(self._waiting) == MOST or self._bytes + len(one) > MOST_BYTES:
            self.flush()
        self._name = name
        self._waiting.append(RawBSONDocument(one))
        self._bytes += len(one)

    def flush(self) -> None:
        if self._waiting:
            _collection(self._store, self._name).insert_many(self._waiting, ordered=False)
        self._waiting, self._bytes = [], 0


def _told_apart(before: Totals, after: Totals) -> str:
    """Which collections differ, and how."""
    return ", ".join(_differences(before, after))


def _differences(before: Totals, after: Totals) -> Iterator[str]:
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one != other:
            counts = [0 if total is None else total.documents for total in (one, other)]
            told = f"{counts[0]} documents, then {counts[1]}" if counts[0] != counts[1] else "other contents"
            yield f"{name}: {told}"


def _names(store: Store) -> list[str]:
    """Every collection but the one that says which schema the store is of."""
    found = store.database.list_collection_names()
    return sorted(name for name in found if name != SCHEMA and not name.startswith("system."))


def _collection(store: Store, name: str) -> Collection[Any]:
    return store.database.with_options(codec_options=RAW)[name]
