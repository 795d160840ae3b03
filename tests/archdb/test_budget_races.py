"""The budget ledger under many real processes, some of which are killed, and after many operations."""

import os
import random
import signal
import subprocess
import sys

import bson
import pytest

from archdb import Store, get_budget, list_entries, recover, reserve_all, set_caps, settle
from tests.archdb.accounts import assert_whole, cpu
from tests.archdb.claimants import key


def hot_bytes(store: Store) -> int:
    return len(bson.encode(store.budgets.find_one({"_id": "t"}) or {}))


@pytest.mark.parametrize("operations", [20, pytest.param(3000, marks=pytest.mark.slow)])
def test_the_hot_document_stays_small(store: Store, operations: int) -> None:
    set_caps(store, "t", cpu(operations))
    before = hot_bytes(store)
    for first in range(0, operations, 20):
        keys = [key("t", number) for number in range(first, first + 20)]
        reserve_all(store, "t", dict.fromkeys(keys, cpu(1)))
        for one in keys:
            settle(store, "t", one, cpu(0.7))
    assert hot_bytes(store) <= before + 16  # larger numbers, no more fields
    assert assert_whole(store).spent["cpu_seconds"] == operations * 700_000


def claimants(store: Store, campaign: str, operations: int, cost: float, many: int = 16) -> subprocess.Popen[str]:
    """Start them; see claimants.py."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.archdb.claimants", campaign, str(many), str(operations), str(cost)],
        env={**os.environ, "ARCHLOOP_MONGODB_URI": store.address},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_sixteen_claimants_as_many_succeed_as_there_is_room_for(store: Store) -> None:
    set_caps(store, "t", cpu(0.5))
    assert claimants(store, "t", 0, 0.1).wait(120) == 0
    budget = assert_whole(store)
    assert len(budget.operations) == 5
    assert budget.available["cpu_seconds"] == 0


def test_killed_claimants_lose_nothing_and_charge_nothing_twice(store: Store) -> None:
    operations = 6
    set_caps(store, "t", cpu(0.1 * operations))
    race = claimants(store, "t", operations, 0.1)
    assert race.stdout is not None
    running = [int(pid) for pid in race.stdout.readline().split()]
    random.shuffle(running)
    ended = 0
    while running:  # kill one whenever another reservation or settlement was seen, until half of them are gone
        budget = get_budget(store, "t")
        assert budget.available["cpu_seconds"] >= 0
        if race.poll() is not None:
            break
        now = len(budget.operations) + store.budget_entries.count_documents({"campaign": "t"})
        if now > ended and len(running) > 8:
            os.kill(running.pop(), signal.SIGKILL)
            ended = now
    assert len(running) < 16, "nobody was killed"
    recover(store, "t")
    assert_whole(store)
    assert claimants(store, "t", operations, 0.1, 2).wait(120) == 0
    recover(store, "t")
    budget = assert_whole(store)
    assert budget.operations == {}, "every claimant is gone"
    settled = sorted(one.operation for one in list_entries(store, "t"))
    assert settled == [key("t", number) for number in range(1, operations, 2)]
    assert budget.spent["cpu_seconds"] == operations // 2 * 50_000
