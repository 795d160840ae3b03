"""The real Kubernetes worker and observer, with our GPU template, against a stand-in for the API server."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tests.deploy.api_server import Cluster, serve
from tests.deploy.manifests import pool_template
from tests.laboratory import PATIENCE, Lab, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]

STORE = "mongodb://archloop:hidden-password@mongodb:27017/archloop"
FLOW = """
import os, time
from prefect import flow

@flow(name="job")
def job(seconds: float) -> None:
    assert os.environ["ARCHLOOP_MONGODB_URI"].startswith("mongodb://")
    time.sleep(seconds)
"""


@flow(name="job")
def job(seconds: float) -> None: ...


@pytest.fixture(scope="module")
def cluster(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One GPU, a worker of the pool ``kubernetes-gpus``, and a deployment of a flow that only waits."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "waiting.py").write_text(FLOW)
    made = Cluster(1, {"archloop-store": {"uri": STORE}}, {"archloop-settings": {}})
    server = serve(made)
    address = f"http://127.0.0.1:{server.server_port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "archloop"}}],
        "clusters": [{"name": "here", "cluster": {"server": address}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    (folder / "config").write_text(yaml.safe_dump(config))
    with temporary_settings({PREFECT_API_URL: lab.prefect}), get_client(sync_client=True) as client:
        pool = WorkPoolCreate(name="kubernetes-gpus", type="kubernetes", base_job_template=pool_template("gpu"))
        client.create_work_pool(pool)
        client.create_deployment(
            flow_id=client.create_flow(job),
            name="there",
            work_pool_name="kubernetes-gpus",
            entrypoint="waiting.py:job",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}],
        )
    environment = {
        **os.environ,
        "KUBECONFIG": str(folder / "config"),
        "PREFECT_API_URL": lab.prefect,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": "archloop",
    }
    program = str(Path(sys.executable).parent / "prefect")
    with (folder / "worker.log").open("wb") as out:
        worker = subprocess.Popen(
            [program, "worker", "start", "--pool", "kubernetes-gpus", "--type", "kubernetes"],
            env=environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    yield made
    os.killpg(worker.pid, signal.SIGTERM)
    worker.wait(timeout=PATIENCE)
    for name in made.processes:
        made.kill_pod(name, signal.SIGKILL)
    server.shutdown()


@pytest.fixture
def client(lab: Lab) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: lab.prefect}), get_client(sync_client=True) as opened:
        yield opened


def start(client: SyncPrefectClient, seconds: float, **variables: Any) -> Any:
    deployment = client.read_deployment_by_name("job/there")
    return client.create_flow_run_from_deployment(
        deployment.id, parameters={"seconds": seconds}, job_variables=variables
    ).id


def is_in(client: SyncPrefectClient, run: Any, state: str) -> Callable[[], bool]:
    return lambda: client.read_flow_run(run).state_name == state


def job_of(cluster: Cluster, run: Any) -> str:
    """The name of the run's Job, once it has a process."""
    label = "prefect.io/flow-run-id"
    names = [name for name, one in cluster.objects["jobs"].items() if one["metadata"]["labels"][label] == str(run)]
    return next((name for name in names if name in cluster.processes), "")


def test_a_run_completes_as_a_job_without_credentials(cluster: Cluster, client: SyncPrefectClient) -> None:
    run = start(client, 0.0)
    until(is_in(client, run, "Completed"))
    (created,) = (one for one in cluster.created if one["metadata"]["labels"]["prefect.io/flow-run-id"] == str(run))
    assert created["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "hidden-password" not in str(created)


def test_a_cancelled_run_ends_its_pod(cluster: Cluster, client: SyncPrefectClient) -> None:
    run = start(client, 3600.0)
    until(is_in(client, run, "Running"))
    name = job_of(cluster, run)
    client.set_flow_run_state(run, Cancelling())
    until(is_in(client, run, "Cancelled"))
    until(lambda: cluster.processes[name].poll() is not None)


def test_a_killed_pod_is_a_crashed_run(cluster: Cluster, client: SyncPrefectClient) -> None:
    run = start(client, 3600.0)
    until(is_in(client, run, "Running"))
    cluster.kill_pod(job_of(cluster, run), signal.SIGKILL)
    until(is_in(client, run, "Crashed"))


def test_a_job_that_kubernetes_refuses_is_a_crashed_run(cluster: Cluster, client: SyncPrefectClient) -> None:
    run = start(client, 0.0, memory_limit="plenty")
    until(is_in(client, run, "Crashed"))
    assert "plenty" in client.read_flow_run(run).state.message
    assert not job_of(cluster, run)


def test_a_pod_without_gpus_waits(cluster: Cluster, client: SyncPrefectClient) -> None:
    run = start(client, 0.0, gpus=2)
    label = "prefect.io/flow-run-id"
    pods = cluster.objects["pods"]
    until(lambda: any(one["metadata"]["labels"][label] == str(run) for one in pods.values()))
    waiting = next(one for one in pods.values() if one["metadata"]["labels"][label] == str(run))
    assert waiting["status"]["phase"] == "Pending"
    assert client.read_flow_run(run).state.is_pending()
    cluster.add_gpus(1)  # a node joins
    until(is_in(client, run, "Completed"))
    until(lambda: cluster.take_gpus(1))  # given back once its process has ended
