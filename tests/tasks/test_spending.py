"""What stages reserve and settle: real checks, trainings and benchmarks at the tiny scale, on a real store."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from archdb import (
    BudgetSpent,
    Campaign,
    Store,
    claim,
    create_experiment,
    exact,
    get_budget,
    get_experiment,
    list_entries,
    open_campaign,
    set_caps,
    set_panel,
)
from evaluation import Exit, Launch, Limits
from tasks import supervision
from tasks.benchmark import benchmark, hold_out, most_for_benchmark, most_for_hold_out
from tasks.codegen import adopt
from tasks.compile_check import compile_check, most_for_check
from tasks.domain import domain_of
from tasks.gpu_train import gpu_train, most_for_training
from tasks.plan import repetition_plan
from tasks.sandbox.jail import jail

DESIGN = "t-mine"


@pytest.fixture
def campaign(store: Store) -> Campaign:
    return open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays"))


@pytest.fixture
def token(store: Store, campaign: Campaign) -> int:
    """Our lease on a design whose source is written."""
    create_experiment(store, DESIGN, campaign="t", kind="external", name="mine")
    taken = claim(store, DESIGN)
    assert taken is not None
    adopt.fn(DESIGN, taken, domain_of("evaluation").baseline_source("linear_attention"))
    return taken


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The CPU-seconds that each jailed child is allowed, in order."""
    allowed: list[float] = []

    def watched(every_second: Callable[[], None]) -> Launch:
        real = jail(every_second)

        def launch(module: str, mode: str, *, limits: Limits, **rest: Any) -> Exit:
            allowed.append(limits.cpu_seconds)
            return real(module, mode, limits=limits, **rest)

        return launch

    monkeypatch.setattr(supervision, "jail", watched)
    return allowed


@pytest.mark.slow
def test_stages_reserve_what_their_children_may_use_and_settle_what_they_used(
    store: Store, campaign: Campaign, token: int, limits: list[float]
) -> None:
    over = domain_of("evaluation").ceilings("tiny").over
    assert compile_check.fn(DESIGN, token)
    campaign = set_panel(store, "t", {"reference": {}, "baselines": {}}, 20.0)
    reserved = {}
    for stage, do, most in (
        ("compile-check:0", None, most_for_check),
        ("gpu-train:0:0", gpu_train, most_for_training),
        ("benchmark:0:0", benchmark, most_for_benchmark),
        ("hold-out:0:0", hold_out, most_for_hold_out),
    ):
        if do is not None:
            assert do.fn(DESIGN, token, 0)
        assert most(campaign) == {"cpu_seconds": sum(limits) + over * len(limits)}, stage
        reserved[f"{DESIGN}/{stage}"] = exact(most(campaign))
        limits.clear()
    after = get_experiment(store, DESIGN)
    entries = {one.operation: one for one in list_entries(store, "t")}
    assert {key: one.reserved for key, one in entries.items()} == reserved
    for key, one in entries.items():
        assert one.actual == exact({"cpu_seconds": after.stages[key.partition("/")[2]].summary["cpu_seconds"]})
        assert 0 < one.actual["cpu_seconds"] <= one.reserved["cpu_seconds"]
    budget = get_budget(store, "t")
    assert budget.operations == {}
    assert budget.spent["tokens"] == 0, "what a design is trained on is no model's token"
    assert budget.spent["cpu_seconds"] == pytest.approx(1e6 * after.cpu_seconds, abs=4)

    plan = repetition_plan(campaign, [after])
    assert plan == {key: {"cpu_seconds": one["cpu_seconds"] / 1e6} for key, one in reserved.items()}


def test_without_room_nothing_is_done_and_the_stage_is_made_up_for_later(
    store: Store, token: int, limits: list[float]
) -> None:
    set_caps(store, "t", {"cpu_seconds": 36.0})
    with pytest.raises(BudgetSpent, match=r"budget of 0\.01 CPU-hours has 0\.01 left and the next check may take 0\.0"):
        compile_check.fn(DESIGN, token)
    now = get_experiment(store, DESIGN)
    assert (now.state, set(now.stages), limits) == ("open", {"codegen:0"}, [])
    assert get_budget(store, "t").operations == {}
    set_caps(store, "t", {"cpu_seconds": 3600.0})
    assert compile_check.fn(DESIGN, token)
    assert len(list_entries(store, "t")) == 1


def test_work_that_broke_off_gives_its_reservation_back(
    store: Store, token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        assert get_budget(store, "t").in_flight["cpu_seconds"] == 62_000_000
        raise RuntimeError("the machine had enough")

    monkeypatch.setattr("tasks.compile_check._check", broken)
    with pytest.raises(RuntimeError, match="enough"):
        compile_check.fn(DESIGN, token)
    budget = get_budget(store, "t")
    assert (budget.operations, Counter(budget.spent)) == ({}, Counter(dict.fromkeys(budget.spent, 0)))


def test_a_stage_whose_worker_died_before_the_settlement_is_charged_once(
    store: Store, token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tasks.stage.settle_stage", killed)
        with pytest.raises(KeyboardInterrupt):
            compile_check.fn(DESIGN, token)
    assert get_budget(store, "t").operations
    for _ in range(2):
        assert compile_check.fn(DESIGN, token)
    cost = get_experiment(store, DESIGN).stages["compile-check:0"].summary["cpu_seconds"]
    budget = get_budget(store, "t")
    assert (budget.operations, budget.spent["cpu_seconds"]) == ({}, round(1e6 * cost))
