"""A store that whoever can write its files has opened."""

from collections.abc import Iterator

import pytest

from archdb import Store
from archdb.outbox import LOGGED
from archdb.schema import install


@pytest.fixture
def unguarded(store: Store) -> Iterator[Store]:
    """The store without validators: whoever can write its files is not stopped by them."""
    for name in ("events", *LOGGED):
        store.database.command("collMod", name, validator={})
    yield store
    for name in ("events", *LOGGED):
        store.database[name].delete_many({})
    install(store)
