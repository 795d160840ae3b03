"""The one retry policy, against a real server that goes and comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archdb import Store, StoreUnavailable, create_experiment, get_experiment, impatient, open_store
from archdb.patience import patient
from tests.archdb.server import Server
from tests.conftest import forget_connections


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of our own, as ARCHLOOP_MONGODB_URI would name one elsewhere."""
    with Server(tmp_path / "server") as started:
        forget_connections()
        monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path / "data"))
        monkeypatch.setenv("ARCHLOOP_MONGODB_URI", started.uri)
        yield started
        if not started.runs:
            started.start()  # closing a connection to nobody takes half a minute
        forget_connections()


def new(store: Store, number: int) -> str:
    return create_experiment(store, f"t-c{number:03d}", campaign="t", kind="candidate", name="one", cycle=number).id


def test_a_call_waits_for_the_server_to_come_back(server: Server) -> None:
    store = open_store()
    assert not store.embedded
    new(store, 1)
    server.kill()
    back = threading.Timer(1.5, server.start)
    back.start()
    new(store, 2)
    back.join()
    assert [get_experiment(store, f"t-c{number:03d}").cycle for number in (1, 2)] == [1, 2]


def test_patience_ends_with_one_sentence(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_MONGODB_PATIENCE_MS", "200")
    store = open_store()
    server.kill()
    with pytest.raises(StoreUnavailable, match="No answer from the store") as told:
        new(store, 1)
    assert "\n" not in str(told.value)


def test_who_is_impatient_asks_once(server: Server) -> None:
    store = open_store()
    server.kill()
    tries = []

    @patient
    def ask() -> None:
        tries.append(1)
        store.experiments.find_one({})

    with pytest.raises(StoreUnavailable), impatient(0.3):
        ask()
    assert len(tries) == 1


def test_a_server_that_hangs_is_not_waited_for_without_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_MONGODB_PATIENCE_MS", "300")
    store = open_store()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable):
            new(store, 1)
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.mark.slow
def test_the_contract_holds_on_a_server_named_by_its_address(tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *CONTRACT],
            env={**os.environ, "ARCHLOOP_MONGODB_URI": server.uri},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout


HERE = Path(__file__).parent
CONTRACT = [str(HERE / f"test_{name}.py") for name in ("store", "schema", "leases", "verified")]


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [20])
def test_every_acknowledged_write_survives_a_killed_store(data_folder: Path, rounds: int) -> None:
    import json

    import psutil

    from archdb import Stage, campaign_experiments, claim, get_text, put_text, write_stage

    store, over = open_store(), threading.Event()
    acknowledged: dict[str, tuple[str, str]] = {}  # experiment -> (blob, text)

    def write(writer: int) -> None:
        number = writer
        while not over.is_set():
            one = new(store, number)
            text = f"{one} " * 400
            digest = put_text(store, text)
            token = claim(store, one)
            assert token is not None
            write_stage(store, one, Stage(stage="codegen", started_at=1, seconds=1), token, code=digest)
            acknowledged[one] = (digest, text)
            number += 4

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(1, 5)]
    for one in writers:
        one.start()
    record = data_folder / "store" / "server.json"
    killed = set()
    for number in range(rounds):
        wanted = len(acknowledged) + 4 + number % 7
        while len(acknowledged) < wanted:
            assert all(one.is_alive() for one in writers)
            time.sleep(0.003)
        pid = json.loads(record.read_text())["server"]
        killed.add(pid)
        psutil.Process(pid).kill()
    over.set()
    for one in writers:
        one.join()
    assert len(killed) == rounds
    held = {one.id: one for one in campaign_experiments(store, "t")}
    assert set(acknowledged) <= set(held)
    for name, (digest, text) in acknowledged.items():
        assert held[name].code == digest
        assert get_text(store, digest) == text
        assert list(held[name].stages) == ["codegen:0"]
