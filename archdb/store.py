"""The connection to the lineage store: one pymongo code path for the embedded store and for a real MongoDB."""

import contextlib
import functools
import os
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pymongo
import pymongo.errors
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

from archdb.embedded import embedded_uri
from archdb.errors import ArchiveError, StoreMisconfigured
from archdb.home import prepare_home
from archdb.patience import attempt_ms, patient, store_faults
from archdb.shared_server import attached

Document = dict[str, Any]


@dataclass(eq=False)
class Store:
    """An open store; its collections are attributes. ``embedded`` tells whether it is the child process of this
    machine.
    """

    client: pymongo.MongoClient[Document]
    database: Database[Document]
    embedded: bool

    @property
    def address(self) -> str:
        host, port = next(iter(self.client.nodes), ("?", 0))
        return f"mongodb://{host}:{port}/{self.database.name}"

    @patient
    def now(self) -> float:
        """The store's clock, in seconds since the epoch: the one clock that all workers share."""
        told = self.client.admin.command("hello")["localTime"]
        return float(told.replace(tzinfo=UTC).timestamp())

    def __getattr__(self, name: str) -> Collection[Document]:
        from archdb.schema import COLLECTIONS

        if name not in COLLECTIONS:
            raise AttributeError(name)
        return self.database[name]


@functools.cache
def open_store() -> Store:
    """The store of this process: ARCHLOOP_MONGODB_URI if it is set, else the embedded one in the data folder.

    Raises:
        StoreMisconfigured: the address is malformed or refuses us, or the embedded store does not start.
        StoreUnavailable: nothing answers there.
        StoreOutdated: its records are of another schema version.
        HomeUnusable: the data folder cannot be used.
    """
    from archdb.schema import prepare

    store = connect()
    with store_faults():
        prepare(store)
    return store


def connect() -> Store:
    """The store as it is, whatever the version of its schema."""
    given = os.environ.get("ARCHLOOP_MONGODB_URI")
    return Store(*_connection(given), embedded=False) if given else _in(prepare_home() / "store")


def connect_to(place: str) -> Store:
    """The store of a place, as it is: a MongoDB address, or a data folder.

    Raises:
        StoreMisconfigured: the address is malformed, or the folder's embedded store does not start.
    """
    if "://" in place:
        return Store(*_connection(place), embedded=False)
    return _in(Path(place).expanduser().absolute() / "store")


def open_folder(folder: Path) -> Store:
    """The embedded store of another folder than the data folder's, prepared for use."""
    from archdb.schema import prepare

    store = _in(folder)
    with store_faults():
        prepare(store)
    return store


def _in(folder: Path) -> Store:
    keeper = _Keeper(folder, embedded_uri(folder))
    keeper.store = Store(*_connection(keeper.uri, keeper), embedded=True)
    return keeper.store


def _connection(uri: str, keeper: "_Keeper | None" = None) -> tuple[pymongo.MongoClient[Document], Database[Document]]:
    try:
        client: pymongo.MongoClient[Document] = pymongo.MongoClient(
            uri,
            appname="archloop",
            timeoutMS=attempt_ms(),
            directConnection=keeper is not None,
            event_listeners=(keeper,) if keeper else (),
        )
        database = client.get_default_database("archloop").with_options(
            write_concern=pymongo.WriteConcern(w="majority", j=True)
        )
    except (pymongo.errors.PyMongoError, ValueError) as fault:
        which = "ARCHLOOP_MONGODB_URI" if uri == os.environ.get("ARCHLOOP_MONGODB_URI") else "What was given"
        raise StoreMisconfigured(
            f"{which} is not a MongoDB address ({fault}): it looks like mongodb://host:27017/archloop."
        ) from fault
    return client, database


class _Keeper(ServerHeartbeatListener):
    """Brings the embedded store back as soon as it does not answer, at its port: waiting calls then find it.

    If another program has taken the port, the open store moves to the new one, where the next attempt finds it.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri
        self.store: Store | None = None  # None again once it has moved

    def started(self, event: ServerHeartbeatStartedEvent) -> None: ...

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None: ...

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        if self.store is None or not attached(self.folder):
            return  # this process is done with it
        with contextlib.suppress(ArchiveError, OSError):
            uri = embedded_uri(self.folder)
            if uri != self.uri:
                follower = _Keeper(self.folder, uri)
                follower.store, self.store = self.store, None
                follower.store.client, follower.store.database = _connection(uri, follower)
