"""The budget ledger against the real embedded server: what it refuses, repeats and recovers."""

import math
from collections.abc import Callable
from typing import Any

import psutil
import pymongo.errors
import pytest
from pymongo.collection import Collection

from archdb import (
    KINDS,
    UNLIMITED,
    BudgetEntry,
    BudgetSpent,
    Conflict,
    Operation,
    Stage,
    Store,
    cancel,
    claim,
    create_experiment,
    get_budget,
    list_entries,
    recover,
    release_operations,
    reserve,
    reserve_all,
    set_caps,
    settle,
    write_stage,
)
from archdb.amounts import exact, shown
from archdb.leases import this_process
from archdb.ledger import take
from tests.archdb.accounts import assert_whole, cpu
from tests.archdb.claimants import key

TRAIN = "t-c001/gpu-train:0:0"
SECOND = KINDS["cpu_seconds"].unit


def dead() -> str:
    """The name of a process of this machine that is gone."""
    machine = this_process().rsplit("/", 2)[0]
    gone = psutil.Popen(["true"])
    gone.wait()
    return f"{machine}/{gone.pid}/1.00"


def abandon(store: Store, operation: str, owner: str) -> None:
    """Have a reservation look as if that process had made it."""
    budget = get_budget(store, "t")
    name = next(name for name, one in budget.operations.items() if one.key == operation)
    store.budgets.update_one({"_id": "t"}, {"$set": {f"operations.{name}.owner": owner}})


@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        ({"cpu_seconds": math.nan}, "nan is no amount of cpu_seconds"),
        ({"dollars": math.inf}, "inf is no amount of dollars"),
        ({"gpu_seconds": -1.0}, "-1.0 is no amount of gpu_seconds"),
        ({"cpu_seconds": 1e12}, "give a number from 0 to 100000000000"),
        ({"tokens": 1.5}, "counted whole"),
        ({"euros": 1.0}, "does not count euros"),
    ],
    ids=["nan", "infinite", "negative", "too much", "part of a token", "unknown"],
)
def test_what_is_no_amount_is_refused_at_the_door(amounts: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        exact(amounts)


def test_amounts_are_exact() -> None:
    assert exact({"cpu_seconds": 0.1}) == {"cpu_seconds": 100_000}
    assert sum(exact(cpu(0.1))["cpu_seconds"] for _ in range(10)) == exact(cpu(1.0))["cpu_seconds"]
    assert exact({"tokens": 3, "dollars": 0.0}) == {"tokens": 3}
    assert [shown(units, "cpu_seconds") for units in (360 * SECOND, 7200 * SECOND)] == ["0.1", "2"]


def test_a_reservation_is_made_once_and_settled_once(store: Store) -> None:
    set_caps(store, "t", cpu(10))
    first = reserve(store, "t", TRAIN, cpu(4))
    assert isinstance(first, Operation)
    assert reserve(store, "t", TRAIN, cpu(9)) == first, "a repeated one changes nothing"
    assert assert_whole(store).available["cpu_seconds"] == 6 * SECOND
    entry = settle(store, "t", TRAIN, cpu(2.5))
    assert (entry.reserved, entry.actual) == ({"cpu_seconds": 4 * SECOND}, {"cpu_seconds": 2_500_000})
    assert settle(store, "t", TRAIN, cpu(99)) == entry, "the first settlement stays"
    assert reserve(store, "t", TRAIN, cpu(4)) == entry, "what is settled is not reserved again"
    budget = assert_whole(store)
    assert budget.operations == {}
    assert budget.available["cpu_seconds"] == 7_500_000


def test_a_cap_counts_what_is_in_flight(store: Store) -> None:
    set_caps(store, "t", cpu(7200))
    reserve(store, "t", TRAIN, cpu(6840))
    told = (
        "The campaign's budget of 2 CPU-hours has 0.1 left and the next training may take 0.3: raise it with "
        "--max-cpu-hours N, then run the same command again."
    )
    with pytest.raises(BudgetSpent) as short:
        reserve(store, "t", "t-c002/gpu-train:0:0", cpu(1080), "training")
    assert str(short.value) == told
    assert short.value.wanted == {"cpu_seconds": 1080 * SECOND}
    assert len(assert_whole(store).operations) == 1
    reserve(store, "t", "t-c002/propose", {"tokens": 500, "dollars": 0.25})  # nobody capped those


def test_what_cost_more_than_reserved_is_charged_and_refuses_what_follows(store: Store) -> None:
    set_caps(store, "t", cpu(10))
    reserve(store, "t", TRAIN, cpu(8))
    settle(store, "t", TRAIN, cpu(12))
    assert assert_whole(store).available["cpu_seconds"] == -2 * SECOND
    with pytest.raises(BudgetSpent, match="has 0 left"):
        reserve(store, "t", "t-c002/x", cpu(0.001))
    set_caps(store, "t", cpu(10))  # the same command again
    set_caps(store, "t", cpu(13))
    assert isinstance(reserve(store, "t", "t-c002/x", cpu(1)), Operation)
    settle(store, "t", "t-c003/never-reserved", {"tokens": 7})
    assert assert_whole(store).spent["tokens"] == 7


def test_a_cap_may_not_be_lower_than_what_is_spent_and_in_flight(store: Store) -> None:
    reserve(store, "t", TRAIN, cpu(1800))
    settle(store, "t", TRAIN, cpu(1800))
    reserve(store, "t", "t-c002/x", cpu(1800))
    with pytest.raises(Conflict, match=r"has spent 0\.5 and has 0\.5 in flight: give more than 1 with --max-cpu-hours"):
        set_caps(store, "t", cpu(3000) | {"dollars": 5})
    assert get_budget(store, "t").caps["dollars"] == UNLIMITED, "of several caps, all are set or none"
    assert set_caps(store, "t", cpu(3600)).available["cpu_seconds"] == 0
    assert set_caps(store, "t", cpu(7200)).available["cpu_seconds"] == 3600 * SECOND
    assert_whole(store)


def test_a_plan_is_reserved_whole_or_not_at_all(store: Store) -> None:
    set_caps(store, "t", cpu(10))
    plan = {key("t", number): cpu(3) for number in range(3)}
    settle(store, "t", key("t", 0), cpu(3))
    kept = reserve_all(store, "t", plan)
    assert {one: type(found) for one, found in kept.items()} == {
        key("t", 0): BudgetEntry,
        key("t", 1): Operation,
        key("t", 2): Operation,
    }
    with pytest.raises(BudgetSpent, match="verification"):
        reserve_all(store, "t", plan | {key("t", 8): cpu(1), key("t", 9): cpu(1)}, "verification")
    assert len(assert_whole(store).operations) == 2
    assert cancel(store, "t", key("t", 1)).actual == {}
    release_operations(store, "t", plan)
    assert assert_whole(store).available["cpu_seconds"] == 7 * SECOND
    assert isinstance(reserve(store, "t", key("t", 2), cpu(1)), Operation), "what is given back may be reserved again"
    assert isinstance(reserve(store, "t", key("t", 1), cpu(1)), BudgetEntry), "what is cancelled may not"


@pytest.mark.parametrize("finish", ["settle", "recover", "reserve"])
@pytest.mark.parametrize("step", ["enter", "move_out"])
def test_a_settlement_that_was_cut_off_is_completed(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str, finish: str
) -> None:
    set_caps(store, "t", cpu(10))
    reserve(store, "t", TRAIN, cpu(4))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"archdb.budget.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            settle(store, "t", TRAIN, cpu(3))
    assert get_budget(store, "t").operations
    release_operations(store, "t", [TRAIN])  # it happened: it is not given back
    if finish == "settle":
        settle(store, "t", TRAIN, cpu(5))
    elif finish == "recover":
        recover(store, "t")
    else:
        assert isinstance(reserve(store, "t", TRAIN, cpu(4)), BudgetEntry)
    budget = assert_whole(store)
    assert (budget.operations, budget.spent["cpu_seconds"]) == ({}, 3 * SECOND)


@pytest.mark.parametrize("finish", ["settle", "recover", "reserve"])
def test_a_late_duplicate_of_a_settled_operation_is_taken_out_uncharged(store: Store, finish: str) -> None:
    set_caps(store, "t", cpu(10))
    reserve(store, "t", TRAIN, cpu(4))
    settle(store, "t", TRAIN, cpu(3))
    assert take(store, "t", {TRAIN: exact(cpu(4))}), "a duplicate that had looked before the settlement"
    assert get_budget(store, "t").available["cpu_seconds"] == 3 * SECOND
    if finish == "settle":
        settle(store, "t", TRAIN, cpu(3))
    elif finish == "recover":
        recover(store, "t")
    else:
        assert isinstance(reserve(store, "t", TRAIN, cpu(4)), BudgetEntry)
    budget = assert_whole(store)
    assert (budget.operations, budget.spent["cpu_seconds"]) == ({}, 3 * SECOND)


def test_a_dead_worker_s_reservation_is_reused_or_given_back(store: Store) -> None:
    set_caps(store, "t", cpu(10))
    first = reserve(store, "t", TRAIN, cpu(4))
    assert isinstance(first, Operation)
    recover(store, "t")
    assert assert_whole(store).operations, "its worker lives"
    abandon(store, TRAIN, dead())
    again = reserve(store, "t", TRAIN, cpu(4))
    assert isinstance(again, Operation)
    assert (again.nonce, get_budget(store, "t").in_flight["cpu_seconds"]) == (first.nonce, 4 * SECOND)
    recover(store, "t")
    assert assert_whole(store).operations, "the redo has taken it over"
    abandon(store, TRAIN, dead())
    release_operations(store, "t", [TRAIN])
    assert assert_whole(store).operations, "only its own are a process's to give back"
    assert recover(store, "t").operations == {}
    assert assert_whole(store).available["cpu_seconds"] == 10 * SECOND


@pytest.mark.parametrize("end", ["recover", "release"])
def test_a_recorded_stage_whose_settlement_never_began_is_settled_with_its_record(store: Store, end: str) -> None:
    create_experiment(store, "t-c001", campaign="t", kind="candidate", name="Design", cycle=1)
    token = claim(store, "t-c001")
    assert token is not None
    reserve(store, "t", TRAIN, cpu(4))
    summary = {"cpu_seconds": 3.5, "tokens": 1000}
    done = Stage(stage="gpu-train", seed=0, started_at=1.0, seconds=2.0, summary=summary)
    write_stage(store, "t-c001", done, token, state="failed")
    if end == "recover":
        abandon(store, TRAIN, dead())
        recover(store, "t")
    else:
        release_operations(store, "t", [TRAIN])
    budget = assert_whole(store)
    assert (budget.operations, budget.spent["cpu_seconds"], budget.spent["tokens"]) == ({}, 3_500_000, 0)


def test_another_machine_s_reservation_is_kept_for_a_while(store: Store) -> None:
    reserve(store, "t", TRAIN, cpu(4))
    abandon(store, TRAIN, "elsewhere/1/2/3/4.00")
    assert recover(store, "t").operations
    name = next(iter(get_budget(store, "t").operations))
    store.budgets.update_one({"_id": "t"}, {"$set": {f"operations.{name}.since": 1.0}})
    assert recover(store, "t").operations == {}


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_an_answer_that_was_lost_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Every write takes effect, but for one of them the answer does not arrive, so that it is made again."""
    set_caps(store, "t", cpu(10))
    made = []

    def deaf(write: Callable[..., Any]) -> Callable[..., Any]:
        def heard(*args: Any, **kwargs: Any) -> Any:
            answer = write(*args, **kwargs)
            made.append(answer)
            if len(made) == call:
                raise pymongo.errors.AutoReconnect("connection closed")
            return answer

        return heard

    with monkeypatch.context() as patched:
        for name in ("update_one", "insert_one"):
            patched.setattr(Collection, name, deaf(getattr(Collection, name)))
        reserve(store, "t", TRAIN, cpu(4))
        settle(store, "t", TRAIN, cpu(3))
    assert len(made) >= call
    budget = assert_whole(store)
    assert (budget.operations, budget.available["cpu_seconds"]) == ({}, 7 * SECOND)
    assert list_entries(store, "t")[0].reserved == {"cpu_seconds": 4 * SECOND}


def test_amounts_are_shown_as_people_write_them() -> None:
    seconds = (0.07, 900.0, 3599640.0, 7.2e6)
    assert [shown(round(one * 10**6), "cpu_seconds") for one in seconds] == ["0.0000194", "0.25", "1000", "2,000"]
