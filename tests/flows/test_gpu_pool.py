"""Designs evaluated through a work pool: a process pool stands in for the GPU pool, with real servers and a worker."""

import contextvars
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.runtime import flow_run as this_run
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from archdb import Campaign, Experiment, Store, create_experiment, get_experiment, get_running, open_campaign
from tasks.faults import Stopped
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]

ROOT = Path(__file__).parent.parent.parent
POOL = "gpus"
PATIENCE = 400.0


def spawn(environment: dict[str, str], log: Path, *command: str) -> subprocess.Popen[bytes]:
    program = str(Path(sys.executable).parent / command[0])
    with log.open("wb") as out:
        return subprocess.Popen(
            [program, *command[1:]], env=environment, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
        )


@pytest.fixture(scope="module")
def pool(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A worker with a data folder of its own, as a pod has; what names the servers that it shares with its callers."""
    from archdb.embedded import embedded_uri
    from flows.evaluate_design import evaluate_design
    from flows.prefect_server import answers

    folder = tmp_path_factory.mktemp("pod")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        "ARCHLOOP_MONGODB_URI": embedded_uri(lab.folder / "store"),
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
        "PREFECT_API_URL": lab.prefect,
    }
    environment = {**os.environ, **shared, "PYTHONPATH": str(ROOT), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    mlflow = spawn(
        environment | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        folder / "mlflow.log",
        *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder / "kept")),
    )
    with temporary_settings({PREFECT_API_URL: lab.prefect}), get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        client.create_deployment(
            flow_id=client.create_flow(evaluate_design),
            name="elsewhere",
            work_pool_name=POOL,
            entrypoint="flows/evaluate_design.py:evaluate_design",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
        )
    worker = spawn(
        environment | {"ARCHLOOP_HOME": str(folder / "data")},
        folder / "worker.log",
        *("prefect", "worker", "start", "--pool", POOL, "--type", "process"),
    )
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"))
    yield shared | {"ARCHLOOP_GPU_DEPLOYMENT": "evaluate-design/elsewhere"}
    for one in (worker, mlflow):
        os.killpg(one.pid, signal.SIGTERM)
        one.wait(timeout=60)


@pytest.fixture
def caller(
    pool: dict[str, str], lab: Lab, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, dict[str, str]]]:
    """A campaign whose designs are evaluated on the pool by this process."""
    from flows.settings import dataset_of
    from flows.slots import offer_slots

    for name, value in pool.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("flows.dispatch.LOOK_SECONDS", 0.5)
    campaign = Campaign(id="g", scale="tiny", provider="grammar", cycles=0, dataset=dataset_of("evaluation"))
    open_campaign(lab_store, campaign)
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        offer_slots(1)
        yield lab_store, pool


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def design(store: Store, name: str) -> Experiment:
    return create_experiment(store, f"g-{name}", campaign="g", kind="external", name=name)


CALLERS: dict[str, str] = {}  # the flow run that evaluates an experiment


@flow(name="caller")
def evaluated(experiment: Experiment) -> Experiment:
    from flows.given_design import evaluate_source
    from tasks.domain import domain_of

    CALLERS[experiment.id] = this_run.id
    return evaluate_source(experiment, domain_of("evaluation").baseline_source("linear_attention"), close=False)


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """Do it beside the test, with its settings of Prefect."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    return thread


def pod_of(store: Store, experiment: str) -> psutil.Process:
    """The process that trains the experiment on the pool, once it does."""
    found: list[psutil.Process] = []

    def is_training() -> bool:
        shown = get_running(store, experiment)
        if shown is None or shown.stage != "gpu-train" or not get_experiment(store, experiment).dispatch.open:
            return False
        found[:] = [
            one
            for one in psutil.process_iter()
            if one.pid != os.getpid() and "PREFECT__FLOW_RUN_ID" in environment_of(one) and has_children(one)
        ]
        return bool(found)

    wait_until(is_training)
    return found[0]


def environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def has_children(process: psutil.Process) -> bool:
    try:
        return bool(process.children())
    except psutil.Error:
        return False


def child_runs(lab: Lab, experiment: str) -> list[Any]:
    with get_client(sync_client=True) as client:
        return [one for one in client.read_flow_runs() if one.parameters.get("experiment_id") == experiment]


def test_a_pool_gives_the_results_of_a_process(
    caller: tuple[Store, dict[str, str]], lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = caller
    there = evaluated(design(store, "there"))
    assert (there.dispatch.number, there.dispatch.open) == (1, False)
    assert [one.state_name for one in child_runs(lab, there.id)] == ["Completed"]
    assert not (lab.folder / "work" / there.id / "gpu-train").exists()
    monkeypatch.delenv("ARCHLOOP_GPU_DEPLOYMENT")
    here = evaluated(design(store, "here"))
    assert here.dispatch.number == 0
    assert here.objectives == there.objectives
    assert here.objectives
    weights = [one.stage("gpu-train", seed=0).summary["weights_sha256"] for one in (here, there)]  # type: ignore[union-attr]
    assert weights[0] == weights[1]


def test_a_crashed_run_is_dispatched_anew(caller: tuple[Store, dict[str, str]], lab: Lab) -> None:
    store, _ = caller
    experiment = design(store, "crashed")
    ended: list[Experiment] = []
    thread = in_thread(lambda: ended.append(evaluated(experiment)))
    pod_of(store, experiment.id).kill()
    thread.join(PATIENCE)
    assert ended[0].objectives
    assert ended[0].dispatch.number == 2
    assert sorted(str(one.state_name) for one in child_runs(lab, experiment.id)) == ["Completed", "Crashed"]


def test_a_cancelled_caller_cancels_its_run(caller: tuple[Store, dict[str, str]], lab: Lab) -> None:
    store, _ = caller
    experiment = design(store, "cancelled")
    raised: list[BaseException] = []

    def call() -> None:
        try:
            evaluated(experiment)
        except BaseException as fault:
            raised.append(fault)

    thread = in_thread(call)
    pod = pod_of(store, experiment.id)
    jailed = pod.children(recursive=True)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(CALLERS[experiment.id]), Cancelling())
    thread.join(PATIENCE)
    assert isinstance(raised[0], Stopped)
    wait_until(lambda: not pod.is_running() and not any(one.is_running() for one in jailed))
    wait_until(lambda: [one.state_name for one in child_runs(lab, experiment.id)] == ["Cancelled"])
    after = get_experiment(store, experiment.id)
    assert (after.state, after.dispatch.open, after.lease.owner) == ("open", False, "")
