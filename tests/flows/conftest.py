"""A real campaign, run once through the command line, for the tests that look at what it left behind."""

import subprocess
from collections.abc import Iterator

import pytest

from archdb import Store, open_store
from tests.conftest import forget_connections
from tests.laboratory import Lab

CYCLES = 2


@pytest.fixture(scope="session")
def finished(lab: Lab) -> subprocess.CompletedProcess[str]:
    """A campaign of two cycles at the tiny scale, run to its end by the command that a person types."""
    return lab.run("run", "--scale", "tiny", "--cycles", str(CYCLES), "--campaign", "t")


@pytest.fixture
def lab_store(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The laboratory's store, opened in this process."""
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(lab.folder))
    yield open_store()
    forget_connections()
