"""``archloop up``: all that a laboratory on one machine needs, until Ctrl-C."""

import signal
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from flows.cli.asked import AsJson, console_for

LOOK_SECONDS = 0.5
LEAVE_SECONDS = 20.0  # for servers that nobody else uses to have ended
SERVERS = ("store", "prefect", "mlflow")  # their folders in the data folder


def up(
    check: Annotated[bool, typer.Option("--check", help="Start nothing: tell what is missing, with remedies.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the Prefect server, work pools, deployments, workers, the MLflow UI and the store, until Ctrl-C.

    Then cycles and campaigns are scheduled, started and cancelled in the Prefect UI: see docs/operations.md.
    """
    if check:
        from flows.cli.up_check import tell

        tell(as_json)
        return
    console = console_for(as_json)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets what it starts in the background ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    workers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        start(console, workers)
        console.print("Ctrl-C stops all of it; what is recorded stays.")
        keep(console, workers)
    except KeyboardInterrupt:
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        with console.status("Stopping runs, workers and servers"):
            stop(console, workers)
    console.print("Stopped. What is recorded stays.")


def start(console: Console, workers: dict[str, subprocess.Popen[bytes]]) -> None:
    """Start everything, tell each address as soon as it answers, and put the workers into ``workers`` by pool."""
    with console.status("Starting the store") as status:
        from archdb import open_store, prepare_home
        from flows.mlflow_server import use_mlflow
        from flows.prefect_server import use_prefect

        folder = prepare_home()
        console.print(f"Lineage      {open_store().address}", highlight=False)
        status.update("Starting the Prefect server")
        prefect = use_prefect()
        console.print(f"Prefect UI   {prefect}", highlight=False)
        status.update("Starting MLflow")
        console.print(f"MLflow UI    {use_mlflow(folder)}", highlight=False)
        status.update("Registering the deployments")
        pools = prepare_prefect(console, prefect)
        from flows.workers import start_worker, wait_until_online

        status.update("Starting workers")
        begun = datetime.now(UTC)
        for pool in pools:
            workers[pool] = start_worker(pool)
        wait_until_online(pools, begun)
        console.print(f"Workers      {', '.join(pools) or 'none on this machine'}", highlight=False)


def prepare_prefect(console: Console, prefect: str) -> Sequence[str]:
    """Register pools, deployments and the automation. Returns the pools whose runs are processes of this machine."""
    from flows.deploying import deployments_file, make_pools, notice_dead_runs, read_deployments, register

    file = deployments_file()
    if file is None:
        console.print(
            "Deployments  none: this archloop was installed without its prefect.yaml, so nothing can be scheduled; "
            "`archloop run` works. Install it anew, or run it from a source checkout.",
            highlight=False,
        )
        return ()
    deployments = read_deployments(file)
    types = make_pools([*dict.fromkeys(one["work_pool"]["name"] for one in deployments)])
    register(file)
    notice_dead_runs([one["name"] for one in deployments])
    console.print(f"Deployments  {prefect}/deployments ({len(deployments)}, of {file})", highlight=False)
    for pool, kind in types.items():
        if kind != "process":
            console.print(f"             the pool {pool} is of type {kind}, so its workers are elsewhere")
    return [pool for pool, kind in types.items() if kind == "process"]


def keep(console: Console, workers: dict[str, subprocess.Popen[bytes]]) -> None:
    """Replace supervisors of workers that were killed, for ever. They replace their workers themselves."""
    from flows.workers import start_worker

    while True:
        time.sleep(LOOK_SECONDS)
        for pool, supervisor in workers.items():
            if supervisor.poll() is not None:
                console.print(f"The supervisor of the worker of {pool} ended; another one is started.")
                workers[pool] = start_worker(pool)


def stop(console: Console, workers: dict[str, subprocess.Popen[bytes]]) -> None:
    """End the workers with their runs, then the servers, unless other processes use them."""
    from archdb import home
    from archdb.shared_server import attached, detach

    if workers:
        from flows.workers import stop_workers

        stop_workers(list(workers.values()))
    mine = [home() / server for server in SERVERS if attached(home() / server)]
    for folder in mine:
        detach(folder)
    deadline = time.monotonic() + LEAVE_SECONDS
    while left := [folder.name for folder in mine if (folder / "server.json").exists()]:
        if time.monotonic() > deadline:
            console.print(f"Other archloop processes go on using: {', '.join(left)}.")
            return
        time.sleep(LOOK_SECONDS)
