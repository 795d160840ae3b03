"""A real campaign, run once through the command line, for the tests that look at what it left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from archdb import Store, open_store

ARCHLOOP = str(Path(sys.executable).parent / "archloop")
CYCLES = 2


@dataclass(frozen=True)
class Lab:
    """A data folder with a Prefect server that stays up while tests use it."""

    folder: Path
    prefect: str

    def environment(self) -> dict[str, str]:
        """What a command needs to work on this data folder."""
        return {**os.environ, "ARCHLOOP_HOME": str(self.folder), "PREFECT_API_URL": self.prefect, "COLUMNS": "160"}

    def command(self, *arguments: str) -> list[str]:
        return [ARCHLOOP, *arguments]

    def run(self, *arguments: str, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        """Run ``archloop`` to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """An empty laboratory with a real Prefect server."""
    from archdb.shared_server import detach
    from flows.prefect_server import start_local_server

    folder = tmp_path_factory.mktemp("lab") / "data"
    folder.mkdir()
    port = start_local_server(folder / "prefect")
    yield Lab(folder, f"http://127.0.0.1:{port}/api")
    detach(folder / "prefect")


@pytest.fixture(scope="session")
def finished(lab: Lab) -> subprocess.CompletedProcess[str]:
    """A campaign of two cycles at the tiny scale, run to its end by the command that a person types."""
    return lab.run("run", "--scale", "tiny", "--cycles", str(CYCLES), "--campaign", "t")


@pytest.fixture
def lab_store(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The laboratory's store, opened in this process."""
    monkeypatch.setenv("ARCHLOOP_HOME", str(lab.folder))
    open_store.cache_clear()
    yield open_store()
    open_store().client.close()
    open_store.cache_clear()
