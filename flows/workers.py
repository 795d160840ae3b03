"""The Prefect workers of this machine, one for each pool whose runs are processes, each under a supervisor."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from socket import gethostname

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import Worker

from archdb import home
from archdb.errors import StoreMisconfigured

PATIENCE = 300.0  # seconds for a worker to report to the server, on a very busy machine
END_SECONDS = 60.0  # for a supervisor to have ended everything below it
PATHS = ("ARCHLOOP_CORPUS", "ARCHLOOP_MODELS", "ARCHLOOP_COGNITION_URI")  # files and folders, perhaps relative ones
POLL = {"PREFECT_WORKER_QUERY_SECONDS": "3"}  # a person who starts a run waits for this long


def start_worker(pool: str) -> subprocess.Popen[bytes]:
    """A supervised worker, whose output goes to a file of the data folder."""
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", worker_name(pool)]
    log = worker_log(pool)
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.supervised", str(os.getpid()), *worker],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches this process alone, which ends the others in order
        )


def worker_name(pool: str) -> str:
    """The name under which the Prefect UI lists the worker."""
    return f"{pool} on {gethostname()}"


def worker_log(pool: str) -> Path:
    """What the worker prints."""
    return home() / "workers" / f"{pool}.log"


def _environment() -> dict[str, str]:
    """Runs have other current folders than we: what names files here names them there."""
    set_paths = {name: os.environ[name] for name in PATHS if os.environ.get(name)}
    here = {name: str(Path(path).absolute()) for name, path in set_paths.items() if Path(path).exists()}
    return {**POLL, **os.environ, **here, "ARCHLOOP_HOME": str(home())}


def wait_until_online(pools: Sequence[str], since: datetime) -> None:
    """Return when the server has heard of each pool's worker after ``since``: a dead one is listed for a while.

    Raises:
        StoreMisconfigured: one does not report; the sentence names its log.
    """
    deadline = time.monotonic() + PATIENCE
    with get_client(sync_client=True) as client:
        for pool in pools:
            while not _online(client, pool, since):
                if time.monotonic() > deadline:
                    raise StoreMisconfigured(
                        f"The worker of the pool {pool} does not report to the Prefect server: read "
                        f"{worker_log(pool)} for the reason."
                    )
                time.sleep(0.3)


def _online(client: SyncPrefectClient, pool: str, since: datetime) -> bool:
    of = {"work_pool_name": pool}
    found = client.request("POST", "/work_pools/{work_pool_name}/workers/filter", path_params=of, json={}).json()
    mine = [Worker.model_validate(one) for one in found if one["name"] == worker_name(pool)]
    return any(one.last_heartbeat_time is not None and one.last_heartbeat_time > since for one in mine)


def stop_workers(supervisors: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the workers and their runs; return when they are gone. What runs have recorded stays."""
    for one in supervisors:
        one.terminate()
    for one in supervisors:
        try:
            one.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            one.kill()  # its worker, and what that started, is asked to end by the kernel
            one.wait()
