"""The laboratory's store, for the tests that look at what its campaign left behind."""

from collections.abc import Iterator

import pytest

from archdb import Store, open_store
from tests.conftest import forget_connections
from tests.laboratory import Lab


@pytest.fixture
def lab_store(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The laboratory's store, opened in this process."""
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(lab.folder))
    yield open_store()
    forget_connections()
