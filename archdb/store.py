"""The connection to the lineage store: one pymongo code path for the embedded store and for a real MongoDB."""

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pymongo
import pymongo.errors
from pymongo.collection import Collection
from pymongo.database import Database

from archdb.embedded import embedded_uri
from archdb.errors import StoreMisconfigured, StoreUnavailable
from archdb.home import prepare_home, require_space

Document = dict[str, Any]
PATIENCE_MS = 20_000  # for one call, reconnecting included; ARCHLOOP_MONGODB_PATIENCE_MS overrides it

# Declared here beside the names of the collections; each serves the query named behind it.
INDEXES: dict[str, list[list[tuple[str, int]]]] = {
    "experiments": [
        [("campaign", 1), ("fitness", -1)],  # leaderboard, parent sampling
        [("campaign", 1), ("cycle", 1)],  # a campaign in order
        [("path", 1)],  # descendants
    ],
    "findings": [[("campaign", 1), ("created_at", 1)]],
    "running": [[("campaign", 1)]],
    "verified": [[("campaign", 1), ("number", 1)]],  # the row of tests
}


@dataclass(frozen=True)
class Store:
    """An open store. ``embedded`` tells whether it is the child process of this machine."""

    client: pymongo.MongoClient[Document]
    database: Database[Document]
    embedded: bool

    @property
    def address(self) -> str:
        host, port = next(iter(self.client.nodes), ("?", 0))
        return f"mongodb://{host}:{port}/{self.database.name}"

    def __getattr__(self, name: str) -> Collection[Document]:
        if name not in ("campaigns", "experiments", "blobs", "running", "findings", "verified"):
            raise AttributeError(name)
        return self.database[name]


@functools.cache
def open_store() -> Store:
    """The store of this process: ARCHLOOP_MONGODB_URI if it is set, else the embedded one in the data folder.

    Raises:
        StoreMisconfigured: the address is malformed or refuses us, or the embedded store does not start.
        StoreUnavailable: nothing answers there.
        HomeUnusable: the data folder cannot be used.
    """
    uri = os.environ.get("ARCHLOOP_MONGODB_URI")
    embedded = not uri
    if not uri:
        uri = embedded_uri(prepare_home() / "store")
    try:
        client: pymongo.MongoClient[Document] = pymongo.MongoClient(
            uri,
            appname="archloop",
            timeoutMS=int(os.environ.get("ARCHLOOP_MONGODB_PATIENCE_MS") or PATIENCE_MS),
            directConnection=embedded,
        )
        database = client.get_default_database("archloop").with_options(
            write_concern=pymongo.WriteConcern(w="majority", j=True)
        )
    except (pymongo.errors.PyMongoError, ValueError) as fault:
        raise StoreMisconfigured(
            f"ARCHLOOP_MONGODB_URI is not a MongoDB address ({fault}): it looks like mongodb://host:27017/archloop."
        ) from fault
    store = Store(client, database, embedded)
    with store_faults():
        for name, indexes in INDEXES.items():
            for keys in indexes:
                database[name].create_index(keys)
    return store


@contextlib.contextmanager
def store_faults() -> Iterator[None]:
    """Turn pymongo's faults into archdb's: transport faults into StoreUnavailable, refusals into StoreMisconfigured."""
    try:
        yield
    except pymongo.errors.DuplicateKeyError:
        raise
    except (pymongo.errors.ConnectionFailure, pymongo.errors.ExecutionTimeout) as fault:
        require_space()
        open_store.cache_clear()  # the next call joins the embedded store anew, or starts it
        where = "the embedded store" if not os.environ.get("ARCHLOOP_MONGODB_URI") else "the MongoDB server"
        raise StoreUnavailable(
            f"No answer from {where} ({_short(fault)}): start it or mend ARCHLOOP_MONGODB_URI, then run the same "
            "command again; nothing recorded is lost."
        ) from fault
    except pymongo.errors.PyMongoError as fault:
        require_space()
        if getattr(fault, "timeout", False):
            raise StoreUnavailable(
                f"The store took too long to answer ({_short(fault)}): run the same command again."
            ) from fault
        raise StoreMisconfigured(
            f"The store refused a request ({_short(fault)}): check user, password and rights in ARCHLOOP_MONGODB_URI."
        ) from fault


def _short(fault: Exception) -> str:
    return str(fault).split(", Timeout:")[0].split(" (configured timeouts")[0][:200]
