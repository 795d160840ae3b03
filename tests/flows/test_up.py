"""`archloop up` for real: schedules, cancelling, killed workers and Ctrl-C, all by way of Prefect's API.

One laboratory serves these tests, since its servers take a minute to start; the one that is ended is another.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from archdb import Store, campaign_experiments, get_campaign, list_running, open_campaign, open_store
from flows.settings import campaign_record
from tests.conftest import forget_connections
from tests.laboratory import until
from tests.laboratory_up import ROOT, Up, command_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]

DOMAIN = "tests.flows.two_baselines"
LONG = "tests.flows.long_training"


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("up") / "data")
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.stop()


@pytest.fixture
def its_store(up: Up, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(up.folder))
    yield open_store()
    forget_connections()


def a_campaign(store: Store, name: str, domain: str = DOMAIN) -> None:
    """A tiny one, known but without baselines: a run of research-cycle trains them first."""
    open_campaign(store, campaign_record(name, 0, "tiny", "grammar", 0, domain))


def in_training(store: Store, campaign: str) -> bool:
    """A tiny training is over in a second, before it tells of any step."""
    return any(one.stage == "gpu-train" for one in list_running(store, campaign))


def recorded(store: Store, campaign: str) -> dict[str, dict[str, Any]]:
    return {one.id: dict(one.stages) for one in campaign_experiments(store, campaign)}


def test_a_schedule_set_over_the_api_makes_cycles_and_survives_a_new_registration(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "scheduled")
    cycle = up.deployment("research-cycle")
    assert [one["active"] for one in cycle["schedules"]] == [False]
    soon = (datetime.now(UTC) + timedelta(seconds=10)).isoformat()
    interval = {"interval": 120, "anchor_date": soon}  # much shorter ones fill the machine with runs that are cancelled
    wanted = {"schedule": interval, "active": True, "parameters": {"campaign": "scheduled"}}
    mine = up.post(f"deployments/{cycle['id']}/schedules", [wanted])[0]
    try:
        until(lambda: get_campaign(its_store, "scheduled").cycles >= 1, "a scheduled cycle")
        register_again(up)
        kept = up.deployment("research-cycle")["schedules"]
        assert sorted((one["active"], one["parameters"].get("campaign")) for one in kept) == [
            (False, None),
            (True, "scheduled"),
        ]
    finally:
        for one in up.deployment("research-cycle")["schedules"]:
            if one["parameters"]:
                httpx.delete(f"{up.api}/deployments/{cycle['id']}/schedules/{one['id']}")
    assert mine["active"]
    done = {"deployments": {"id": {"any_": [cycle["id"]]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    until(lambda: up.post("flow_runs/filter", done), "the end of a scheduled cycle")
    cycles = [one for one in campaign_experiments(its_store, "scheduled") if one.kind == "candidate"]
    assert any(one.state in ("done", "failed") for one in cycles)


def register_again(up: Up) -> None:
    """What the next `archloop up` does, in a process of its own: this one has read Prefect's settings already."""
    program = "from flows.deploying import *; register(deployments_file())"
    environment = {**os.environ, "PREFECT_API_URL": up.api, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=200)


def test_cancelling_a_run_ends_its_training_child(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "cancelled", LONG)
    run = up.start("campaign", name="cancelled", cycles=1, scale="tiny", domain=LONG)
    until(lambda: in_training(its_store, "cancelled"), "a training")
    children = until(
        lambda: found if len(found := up.below("tasks.sandbox.fork_server")) > 1 else None, "a forked child"
    )
    up.post(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    until(lambda: not list_running(its_store, "cancelled"), "the trainings to stop")
    assert up.end(run) == "CANCELLED"
    assert not alive(children)
    experiments = campaign_experiments(its_store, "cancelled")
    assert all(one.state == "open" and one.failure is None and not one.lease.owner for one in experiments)
    stages = [stage.stage for one in experiments for stage in one.stages.values()]
    assert "gpu-train" not in stages, "they were ended in the middle of their minutes"


def test_a_killed_worker_is_replaced_and_the_next_run_goes_on(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "killed")
    run = up.start("research-cycle", campaign="killed")
    until(lambda: in_training(its_store, "killed"), "a training")
    before = recorded(its_store, "killed")
    (worker,) = [one for one in up.below("worker", "start", "archloop on") if "flows.supervised" not in command_of(one)]
    worker.kill()
    assert up.end(run) == "CRASHED"
    again = up.start("research-cycle", campaign="killed")
    assert up.end(again) == "COMPLETED"
    after = recorded(its_store, "killed")
    for one, stages in before.items():
        assert {key: after[one][key] for key in stages} == stages
    assert all(one.state in ("done", "failed") for one in campaign_experiments(its_store, "killed"))


def test_a_run_whose_process_vanished_becomes_crashed(up: Up, its_store: Store) -> None:
    """As when a machine dies: nobody is left to tell the server."""
    a_campaign(its_store, "vanished")
    run = up.start("research-cycle", campaign="vanished")
    until(lambda: in_training(its_store, "vanished"), "a training")
    (worker,) = [one for one in up.below("worker", "start", "archloop on") if "flows.supervised" not in command_of(one)]
    worker.suspend()
    for one in up.below("prefect.engine"):
        one.kill()
    worker.kill()
    assert up.end(run) == "CRASHED"
    assert "heartbeat" in up.get(f"flow_runs/{run}")["state"]["message"]
    within = {"flow_runs": {"name": {"like_": "evaluate vanished-"}}}
    inner = until(lambda: up.post("flow_runs/filter", within), "runs within it")
    for one in inner:
        assert up.end(one["id"]) in ("CRASHED", "COMPLETED")
    assert any(up.state(one["id"]) == "CRASHED" for one in inner)


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    """A laboratory that no other test needs."""
    started = Up(tmp_path / "data")
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(started.folder))
    try:
        started.wait_until_ready()
        yield started
    finally:
        forget_connections()
        started.stop()


def test_ctrl_c_ends_everything(other: Up) -> None:
    up, its_store = other, open_store()
    a_campaign(its_store, "ended")
    up.start("research-cycle", campaign="ended")
    until(lambda: in_training(its_store, "ended"), "a training")
    before, started = recorded(its_store, "ended"), up.below()
    forget_connections()
    from archdb.shared_server import detach

    detach(up.folder / "store")
    up.stop()
    assert up.process.returncode == 0, up.told()
    assert up.told().splitlines()[-1] == "Stopped. What is recorded stays."
    assert [" ".join(command_of(one)) for one in alive(started)] == []
    assert recorded(open_store(), "ended") == before
