"""The embedded store among processes that race for it, and after its own crashes."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from archdb import Store, create_experiment, get_experiment, open_store
from archdb.shared_server import KEEPER

LAUNCH = """
import sys, time
from archdb import create_experiment, open_store
time.sleep(max(0.0, float(sys.argv[2]) - time.time()))
store = open_store()
create_experiment(store, f"t-c{int(sys.argv[1]):03d}", campaign="t", kind="candidate", name="one")
print(store.address, flush=True)
sys.stdin.read()
"""


def record(data_folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((data_folder / "store" / "server.json").read_text())
    return found


def servers(data_folder: Path) -> list[psutil.Process]:
    """The stores and keepers at work on this folder."""
    found = []
    for one in psutil.process_iter(["cmdline"]):
        words = one.info["cmdline"] or []
        if str(data_folder / "store") in " ".join(words) and one.status() != psutil.STATUS_ZOMBIE:
            found.append(one)
    return found


def new(store: Store, number: int) -> str:
    return create_experiment(store, f"t-c{number:03d}", campaign="t", kind="candidate", name="one", cycle=number).id


@pytest.mark.slow
def test_six_racing_launchers_share_one_server(data_folder: Path) -> None:
    together = str(time.time() + 2.0)
    launchers = [
        subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(number), together],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    try:
        addresses = {one.stdout.readline().strip() for one in launchers if one.stdout}
        assert len(addresses) == 1
        assert addresses.pop().startswith("mongodb://127.0.0.1:")
        assert len([one for one in servers(data_folder) if KEEPER not in one.cmdline()]) == 1
        found = open_store().experiments.find({"campaign": "t"})
        assert sorted(one["_id"] for one in found) == [f"t-c{number:03d}" for number in range(6)]
    finally:
        for one in launchers:
            one.communicate()
    assert all(one.returncode == 0 for one in launchers)


def survives(data_folder: Path, crash: Callable[[dict[str, int]], None]) -> None:
    """Whether an open connection, and what was written through it, outlive a crash."""
    store = open_store()
    new(store, 1)
    before = record(data_folder)
    crash(before)
    new(store, 2)
    after = record(data_folder)
    assert after["port"] == before["port"]
    assert [get_experiment(store, f"t-c{number:03d}").cycle for number in (1, 2)] == [1, 2]
    keepers = [one for one in servers(data_folder) if KEEPER in one.cmdline()]
    assert [one.pid for one in keepers] == [after["keeper"]]


def test_a_killed_store_is_started_again_by_its_keeper(data_folder: Path) -> None:
    survives(data_folder, lambda known: psutil.Process(known["server"]).kill())


def test_a_crash_of_store_and_keeper_leaves_no_lock_behind(data_folder: Path) -> None:
    def crash(known: dict[str, int]) -> None:
        psutil.Process(known["keeper"]).kill()
        psutil.Process(known["server"]).kill()

    survives(data_folder, crash)


@pytest.mark.slow
def test_an_open_store_follows_the_server_to_another_port(data_folder: Path) -> None:
    store = open_store()
    new(store, 1)
    known = record(data_folder)
    psutil.Process(known["keeper"]).kill()
    psutil.Process(known["server"]).kill()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deadline = time.monotonic() + 30
        while True:
            try:
                taken.bind(("127.0.0.1", known["port"]))
                break
            except OSError:
                assert time.monotonic() < deadline
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # now nobody else gets it
        new(store, 2)
    assert record(data_folder)["port"] != known["port"]
    assert [get_experiment(store, f"t-c{number:03d}").cycle for number in (1, 2)] == [1, 2]


@pytest.mark.slow
def test_a_store_whose_keeper_was_killed_is_not_left_to_itself(data_folder: Path) -> None:
    store = open_store()
    new(store, 1)
    known = record(data_folder)
    psutil.Process(known["keeper"]).kill()
    psutil.Process(known["server"]).wait(timeout=60)
    assert get_experiment(store, "t-c001").cycle == 1
    assert record(data_folder)["keeper"] != known["keeper"]
