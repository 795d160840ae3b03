"""A campaign with a cap: it ends in the middle with one sentence, and goes on from there when the cap is raised."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from archdb import BudgetSpent, Store, get_budget, list_entries, reserve, set_caps, settle
from flows.cli.asked import Refused
from flows.cli.budget import budget_json, budget_line, caps_asked
from flows.in_parallel import in_parallel
from flows.within_budget import within_budget
from tests.laboratory import Lab

HOUR = 3600.0


def test_it_waits_while_what_is_in_flight_may_give_enough_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.within_budget.LOOK_SECONDS", 0.01)
    set_caps(store, "t", {"cpu_seconds": 10.0})
    reserve(store, "t", "t-c001/gpu-train:0:0", {"cpu_seconds": 8.0})
    tried = threading.Event()

    def work() -> str:
        tried.set()
        reserve(store, "t", "t-c002/gpu-train:0:0", {"cpu_seconds": 9.0}, "training")
        return "done"

    def other() -> str:
        assert tried.wait(60)
        settle(store, "t", "t-c001/gpu-train:0:0", {"cpu_seconds": 0.5})
        return "settled"

    assert in_parallel([lambda: within_budget(work), other], 2) == ["done", "settled"]
    with pytest.raises(BudgetSpent, match="may take"):  # all that is in flight would not be enough
        within_budget(lambda: reserve(store, "t", "t-c003/gpu-train:0:0", {"cpu_seconds": 9.6}))


def test_a_dead_worker_s_reservation_is_not_waited_for(store: Store) -> None:
    set_caps(store, "t", {"cpu_seconds": 10.0})
    claimed = "from archdb import *; reserve(open_store(), 't', 't-c001/x', {'cpu_seconds': 8.0})"
    subprocess.run([sys.executable, "-c", claimed], check=True, timeout=120)
    assert get_budget(store, "t").in_flight["cpu_seconds"] == 8_000_000
    within_budget(lambda: reserve(store, "t", "t-c002/x", {"cpu_seconds": 9.0}))
    assert [one.key for one in get_budget(store, "t").operations.values()] == ["t-c002/x"]


def test_the_first_job_that_raises_stops_those_that_have_not_begun() -> None:
    begun = []

    def job(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise BudgetSpent("no room")
        time.sleep(0.2)

    with pytest.raises(BudgetSpent):
        in_parallel([lambda number=number: job(number) for number in range(9)], 2)
    assert sorted(begun) == [0, 1]


def test_the_budget_as_told(store: Store) -> None:
    assert budget_line(get_budget(store, "t")) == "nothing spent"
    set_caps(store, "t", caps_asked(cpu_hours=2.0, dollars=5.0))
    reserve(store, "t", "t-c001/x", {"cpu_seconds": 0.5 * HOUR})
    settle(store, "t", "t-c001/y", {"cpu_seconds": 0.25 * HOUR, "tokens": 1200})
    budget = get_budget(store, "t")
    assert budget_line(budget) == (
        "0.25 of 2 CPU-hours spent, 0.5 reserved by what is in flight; 1,200 tokens spent; 0 of 5 dollars spent"
    )
    assert budget_json(budget)["cpu_seconds"] == {"spent": 900.0, "in_flight": 1800.0, "cap": 7200.0}
    assert budget_json(budget)["gpu_seconds"] == {"spent": 0.0, "in_flight": 0.0, "cap": None}


@pytest.mark.parametrize("hours", [-1.0, float("nan"), float("inf")])
def test_a_cap_that_is_no_number_of_hours_is_refused(hours: float) -> None:
    with pytest.raises(Refused, match="give --max-cpu-hours one from 0 to"):
        caps_asked(cpu_hours=hours)


def run(lab: Lab, hours: str, campaign: str = "capped") -> subprocess.CompletedProcess[str]:
    return lab.run("run", "--scale", "tiny", "--cycles", "1", "--campaign", campaign, "--max-cpu-hours", hours)


def stages(store: Store, campaign: str) -> dict[str, Any]:
    found = store.experiments.find({"campaign": campaign})
    return {f"{one['_id']}/{key}": stage for one in found for key, stage in one["stages"].items()}


@pytest.mark.slow
@pytest.mark.xdist_group("lab")
def test_a_cap_ends_a_campaign_in_the_middle_and_a_larger_one_finishes_it(
    lab: Lab, lab_store: Store, tmp_path: Path
) -> None:
    told = run(lab, "0.0528")  # 190 s: room for a benchmark's 186 as long as no more than 4 are spent
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("archloop: ")]
    assert "The campaign's budget of 0.0528 CPU-hours has 0.0" in line
    assert "raise it with --max-cpu-hours N, then run the same command again." in line
    experiments = list(lab_store.experiments.find({"campaign": "capped"}))
    assert any(one["stages"] for one in experiments)
    assert all(one["state"] == "open" and not one["failure"] and not one["lease"]["owner"] for one in experiments)
    budget = get_budget(lab_store, "capped")
    assert budget.operations == {}
    assert 0 < budget.spent["cpu_seconds"] < budget.caps["cpu_seconds"]
    before = stages(lab_store, "capped")

    refused = run(lab, "0.0000001")
    assert refused.returncode == 1
    assert "is too low for campaign capped" in refused.stderr

    finished = run(lab, "0.2")
    assert finished.returncode == 0, finished.stderr[-3000:]
    after = stages(lab_store, "capped")
    assert {key: after[key] for key in before} == before, "a stage was done twice"
    experiments = list(lab_store.experiments.find({"campaign": "capped"}))
    assert all(one["state"] in ("done", "failed") for one in experiments)
    costs = {key: round(1e6 * stage["summary"].get("cpu_seconds", 0)) for key, stage in after.items()}
    entries = {one.operation: one.actual.get("cpu_seconds", 0) for one in list_entries(lab_store, "capped")}
    assert entries == {key: cost for key, cost in costs.items() if cost}
    assert get_budget(lab_store, "capped").spent["cpu_seconds"] == sum(entries.values())

    shown = lab.run("status", "--campaign", "capped")
    assert "of 0.2 CPU-hours spent" in shown.stdout
    machine = json.loads(lab.run("status", "--campaign", "capped", "--json").stdout)
    assert machine["budget"]["cpu_seconds"]["cap"] == 720.0
    best = next(one["id"] for one in machine["experiments"] if one["kind"] == "candidate")
    verify = lab.run("verify", best, "--campaign", "capped")
    assert verify.returncode == 1
    assert "and the next verification may take" in verify.stderr
    assert not [key for key in stages(lab_store, "capped") if "verify" in key]
