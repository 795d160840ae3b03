"""Designs evaluated through a work pool: a process pool stands in for the GPU pool, with real servers and a worker."""

import contextvars
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
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

from archdb import Campaign, Experiment, Halted, Store, create_experiment, get_experiment, get_running, open_campaign
from archdb.governance import turn
from flows.evaluate_design import GIVEN_BACK
from tasks.faults import Stopped
from tests.laboratory import PATIENCE, Lab, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]

ROOT = Path(__file__).parent.parent.parent
POOL = "gpus"


def spawn(environment: dict[str, str], log: Path, *command: str) -> subprocess.Popen[bytes]:
    program = str(Path(sys.executable).parent / command[0])
    with log.open("wb") as out:
        return subprocess.Popen(
            [program, *command[1:]],
            env=environment,
            cwd=ROOT,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a worker ends by it; shells ignore it
        )


@dataclass(frozen=True)
class Pool:
    """A worker with a data folder of its own, as a pod has; what names the servers that it shares with its callers."""

    worker: psutil.Process
    shared: dict[str, str]


@pytest.fixture(scope="module")
def pool(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
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
    until(lambda: answers(f"http://127.0.0.1:{port}/health"))
    yield Pool(psutil.Process(worker.pid), shared | {"ARCHLOOP_GPU_DEPLOYMENT": "evaluate-design/elsewhere"})
    for one in (worker, mlflow):
        os.killpg(one.pid, signal.SIGTERM)
        one.wait(timeout=60)


@pytest.fixture
def caller(
    pool: Pool, lab: Lab, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, psutil.Process]]:
    """A campaign whose designs are evaluated on the pool by this process: its store, and the pool's worker."""
    from flows.settings import dataset_of
    from flows.slots import offer_slots

    for name, value in pool.shared.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("flows.dispatch.LOOK_SECONDS", 0.5)
    campaign = Campaign(id="g", scale="tiny", provider="grammar", cycles=0, dataset=dataset_of("evaluation"))
    open_campaign(lab_store, campaign)
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        offer_slots(1)
        yield lab_store, pool.worker


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


def pod_of(worker: psutil.Process, store: Store, experiment: str) -> psutil.Process:
    """The worker's process that trains the experiment, once it does."""

    def training() -> psutil.Process | None:
        shown = get_running(store, experiment)
        if shown is None or shown.stage != "gpu-train" or not get_experiment(store, experiment).dispatch.open:
            return None
        runs = [one for one in worker.children(recursive=True) if "PREFECT__FLOW_RUN_ID" in environment_of(one)]
        return next((one for one in runs if has_children(one)), None)

    return until(training, "a training on the pool")


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
    caller: tuple[Store, psutil.Process], lab: Lab, monkeypatch: pytest.MonkeyPatch
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


def test_a_crashed_run_is_dispatched_anew(caller: tuple[Store, psutil.Process], lab: Lab) -> None:
    store, worker = caller
    experiment = design(store, "crashed")
    ended: list[Experiment] = []
    thread = in_thread(lambda: ended.append(evaluated(experiment)))
    pod_of(worker, store, experiment.id).kill()
    thread.join(PATIENCE)
    assert ended[0].objectives
    assert ended[0].dispatch.number == 2
    assert sorted(str(one.state_name) for one in child_runs(lab, experiment.id)) == ["Completed", "Crashed"]


def test_a_pause_ends_the_run_on_the_pool_and_resumed_it_is_dispatched_anew(
    caller: tuple[Store, psutil.Process], lab: Lab
) -> None:
    store, worker = caller
    experiment = design(store, "paused")
    ended: list[Experiment] = []
    thread = in_thread(lambda: ended.append(evaluated(experiment)))
    pod_of(worker, store, experiment.id)
    turn(store, "g", "paused", "ada")
    try:
        until(lambda: (shown := get_running(store, experiment.id)) and shown.stage == "paused")
        assert [one.state_name for one in child_runs(lab, experiment.id)] == [GIVEN_BACK]
    finally:
        turn(store, "g", "running", "ada")
    thread.join(PATIENCE)
    assert ended[0].objectives
    assert ended[0].dispatch.number == 2


def test_a_stop_ends_the_run_on_the_pool_and_its_caller(caller: tuple[Store, psutil.Process], lab: Lab) -> None:
    store, worker = caller
    experiment = design(store, "stopped")
    raised: list[BaseException] = []
    thread = in_thread(lambda: raised.append(raised_by(experiment)))
    pod_of(worker, store, experiment.id)
    turn(store, "g", "stopped", "ada", "enough")
    thread.join(PATIENCE)
    turn(store, "g", "running", "ada")
    assert isinstance(raised[0], Halted)
    (run,) = child_runs(lab, experiment.id)
    assert run.state.is_cancelled()
    assert "was stopped by ada (enough)" in run.state.message
    assert get_experiment(store, experiment.id).state == "open"


def raised_by(experiment: Experiment) -> BaseException:
    try:
        evaluated(experiment)
    except BaseException as fault:
        return fault
    raise AssertionError("it ended by itself")


def test_a_cancelled_caller_cancels_its_run(caller: tuple[Store, psutil.Process], lab: Lab) -> None:
    store, worker = caller
    experiment = design(store, "cancelled")
    raised: list[BaseException] = []
    thread = in_thread(lambda: raised.append(raised_by(experiment)))
    pod = pod_of(worker, store, experiment.id)
    jailed = pod.children(recursive=True)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(CALLERS[experiment.id]), Cancelling())
    thread.join(PATIENCE)
    assert isinstance(raised[0], Stopped)
    until(lambda: not pod.is_running() and not any(one.is_running() for one in jailed))
    until(lambda: [one.state_name for one in child_runs(lab, experiment.id)] == ["Cancelled"])
    after = get_experiment(store, experiment.id)
    assert (after.state, after.dispatch.open, after.lease.owner) == ("open", False, "")
