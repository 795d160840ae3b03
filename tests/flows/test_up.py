"""`archloop up` for real: schedules, cancelling, killed workers and Ctrl-C, all by way of Prefect's API.

One laboratory serves all of these tests, since its servers take a minute to start; the last one ends it.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from archdb import Store, campaign_experiments, get_campaign, list_running, open_campaign, open_store
from flows.settings import campaign_record
from tests.conftest import forget_connections
from tests.laboratory import ARCHLOOP

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]

DOMAIN = "tests.flows.two_baselines"
ROOT = Path(__file__).parents[2]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PATIENCE = 900.0  # seconds, for what takes a very busy machine long


class Up:
    """A laboratory that `archloop up` runs, and its Prefect server's API."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "up.log"
        given = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = {**given, "ARCHLOOP_HOME": str(folder), "PYTHONPATH": path, "COLUMNS": "200"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [ARCHLOOP, "up"], env=environment, cwd=folder.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        wait_for(lambda: "Ctrl-C" in self.told() or self.process.poll() is not None, "archloop up")
        assert self.process.poll() is None, self.told()
        self.api = next(line.split()[-1] for line in self.told().splitlines() if "Prefect UI" in line) + "/api"

    def told(self) -> str:
        return self.log.read_text()

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.api}/{path}", timeout=60).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        return httpx.post(f"{self.api}/{path}", json=body, timeout=60).raise_for_status().json()

    def deployment(self, name: str) -> Any:
        return self.get(f"deployments/name/{name}/{name}")

    def start(self, name: str, **parameters: Any) -> str:
        """Run a deployment, as the button of the UI does. Returns the flow run's id."""
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"deployments/{self.deployment(name)['id']}/create_flow_run", body)["id"])

    def state(self, run: str) -> str:
        return str(self.get(f"flow_runs/{run}")["state"]["type"])

    def end(self, run: str) -> str:
        """Wait for a run's end; how it ended."""
        wait_for(lambda: self.state(run) in ENDED, f"the end of {run}")
        return self.state(run)

    def below(self, *words: str) -> list[psutil.Process]:
        """The processes that it started, directly or not, with all of these words in their command."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if all(word in " ".join(command_of(one)) for word in words)]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(200)


def command_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return list(process.cmdline())
    return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def wait_for(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain for {what}"
        time.sleep(0.1)


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


def a_campaign(store: Store, name: str) -> None:
    """A tiny one, known but without baselines: a run of research-cycle trains them first."""
    open_campaign(store, campaign_record(name, 0, "tiny", "grammar", 0, DOMAIN))


def in_training(store: Store, campaign: str) -> bool:
    return any(one.stage == "gpu-train" and one.step for one in list_running(store, campaign))


def recorded(store: Store, campaign: str) -> dict[str, dict[str, Any]]:
    return {one.id: dict(one.stages) for one in campaign_experiments(store, campaign)}


def test_a_schedule_set_over_the_api_makes_cycles_and_survives_a_new_registration(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "scheduled")
    cycle = up.deployment("research-cycle")
    assert [one["active"] for one in cycle["schedules"]] == [False]
    wanted = {"schedule": {"interval": 5}, "active": True, "parameters": {"campaign": "scheduled"}}
    mine = up.post(f"deployments/{cycle['id']}/schedules", [wanted])[0]
    try:
        wait_for(lambda: get_campaign(its_store, "scheduled").cycles >= 1, "a scheduled cycle")
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
    wait_for(lambda: up.post("flow_runs/filter", done), "the end of a scheduled cycle")
    cycles = [one for one in campaign_experiments(its_store, "scheduled") if one.kind == "candidate"]
    assert any(one.state in ("done", "failed") for one in cycles)


def register_again(up: Up) -> None:
    """What the next `archloop up` does, in a process of its own: this one has read Prefect's settings already."""
    program = "from flows.deploying import *; register(deployments_file())"
    environment = {**os.environ, "PREFECT_API_URL": up.api, "PYTHONPATH": str(ROOT)}
    subprocess.run(["python", "-c", program], env=environment, check=True, timeout=200)


def test_cancelling_a_run_ends_its_training_child(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "cancelled")
    run = up.start("campaign", name="cancelled", cycles=1, scale="tiny", domain=DOMAIN)
    wait_for(lambda: in_training(its_store, "cancelled"), "a training")
    children = up.below("tasks.sandbox.fork_server")
    assert len(children) > 1, "the fork server, and what it forked"
    up.post(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    wait_for(lambda: not list_running(its_store, "cancelled"), "the trainings to stop", 10.0)
    assert up.end(run) == "CANCELLED"
    assert not alive(children)
    experiments = campaign_experiments(its_store, "cancelled")
    assert all(one.state == "open" and one.failure is None and not one.lease.owner for one in experiments)


def test_a_killed_worker_is_replaced_and_the_next_run_goes_on(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "killed")
    run = up.start("research-cycle", campaign="killed")
    wait_for(lambda: in_training(its_store, "killed"), "a training")
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
    wait_for(lambda: in_training(its_store, "vanished"), "a training")
    (worker,) = [one for one in up.below("worker", "start", "archloop on") if "flows.supervised" not in command_of(one)]
    worker.suspend()
    for one in up.below("prefect.engine"):
        one.kill()
    worker.kill()
    assert up.end(run) == "CRASHED"
    assert "heartbeat" in up.get(f"flow_runs/{run}")["state"]["message"]


def test_ctrl_c_ends_everything(up: Up, its_store: Store) -> None:
    a_campaign(its_store, "ended")
    up.start("research-cycle", campaign="ended")
    wait_for(lambda: in_training(its_store, "ended"), "a training")
    before, started = recorded(its_store, "ended"), up.below()
    forget_connections()
    from archdb.shared_server import detach

    detach(up.folder / "store")
    up.stop()
    assert up.process.returncode == 0, up.told()
    assert up.told().splitlines()[-1] == "Stopped. What is recorded stays."
    assert [" ".join(command_of(one)) for one in alive(started)] == []
    assert recorded(open_store(), "ended") == before
