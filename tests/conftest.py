"""What tests of several rooms need: a data folder of their own, and a real store on it."""

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.laboratory import CYCLES, Lab

if TYPE_CHECKING:
    from archdb import Store

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
SERVER = os.environ.get("ARCHLOOP_MONGODB_URI")  # tests of the store run on this one, if it is named
for name in (
    "ARCHLOOP_HOME",
    "ARCHLOOP_MONGODB_URI",
    "ARCHLOOP_COGNITION_URI",
    "ARCHLOOP_CORPUS",
    "ARCHLOOP_APPROVALS",
    "ARCHLOOP_APPROVERS",
    "ARCHLOOP_GPU_DEPLOYMENT",
    "ARCHLOOP_MODELS",
    "MLFLOW_TRACKING_URI",
):
    os.environ.pop(name, None)


def forget_connections() -> None:
    """Close what this process has opened on another data folder: the store and MLflow are cached per process."""
    from archdb.store import open_store
    from tasks import tracking

    if open_store.cache_info().currsize:
        open_store().client.close()
    open_store.cache_clear()
    tracking.client.cache_clear()
    tracking.folder_of.cache_clear()


def empty_tracking(file: Path) -> None:
    """Leave nothing of other tests in an MLflow database, but its schema and the scales' experiments."""
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in set(tables) - {"alembic_version", "experiments"}:
            database.execute(f'DELETE FROM "{name}"')


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder, and so one embedded server, for all tests that only need a store."""
    return tmp_path_factory.mktemp("home") / "data"


@pytest.fixture
def store(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Store"]:
    """A real store without any record, nor any run in MLflow, with ARCHLOOP_HOME naming its data folder.

    It is embedded, or a database of its own on the server that ARCHLOOP_MONGODB_URI names.
    """
    from archdb.store import open_store

    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(shared_home))
    if SERVER:
        given = urlsplit(SERVER)
        monkeypatch.setenv("ARCHLOOP_MONGODB_URI", given._replace(path=f"/archloop-test-{os.getpid()}").geturl())
    opened = open_store()
    for name in opened.database.list_collection_names():
        if name != "schema":
            opened.database[name].delete_many({})
    if (shared_home / "mlflow.db").exists():
        empty_tracking(shared_home / "mlflow.db")
    yield opened
    if SERVER:
        opened.client.drop_database(opened.database.name)
    forget_connections()


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty data folder of the test's own. Its servers have ended when the test is over."""
    from archdb.shared_server import detach

    folder = tmp_path / "data"
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(folder))
    yield folder
    forget_connections()
    for server in ("store", "prefect", "mlflow"):
        detach(folder / server)
    deadline = time.monotonic() + 60
    while any((folder / server / "server.json").exists() for server in ("store", "prefect", "mlflow")):
        assert time.monotonic() < deadline, "a server outlived its last client"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """An empty laboratory with a real Prefect server."""
    from archdb.shared_server import detach
    from flows.prefect_server import start_local_server

    folder = tmp_path_factory.mktemp("lab") / "data"
    folder.mkdir()
    port = start_local_server(folder / "prefect", prefer_port=None)
    yield Lab(folder, f"http://127.0.0.1:{port}/api")
    detach(folder / "prefect")


@pytest.fixture(scope="session")
def finished(lab: Lab) -> subprocess.CompletedProcess[str]:
    """A campaign of two cycles at the tiny scale, run to its end by the command that a person types."""
    return lab.run("run", "--scale", "tiny", "--cycles", str(CYCLES), "--campaign", "t")
