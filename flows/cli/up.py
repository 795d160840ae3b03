"""``archloop up``: the Prefect and MLflow pages over what is recorded, until Ctrl-C."""

import shutil
import sys
import time
from pathlib import Path

from flows.cli.asked import console_for

MLFLOW_PORT = 5000


def up() -> None:
    """Serve the Prefect UI and the MLflow UI on this machine until Ctrl-C, and print their addresses."""
    from archdb import open_store, prepare_home
    from flows.prefect_server import use_prefect

    console = console_for()
    with console.status("Starting the Prefect server, MLflow and the store"):
        folder = prepare_home()
        store = open_store()
        prefect = use_prefect()
        mlflow = start_mlflow(folder)
    console.print(f"Prefect UI   {prefect}", highlight=False)
    console.print(f"MLflow UI    {mlflow}", highlight=False)
    console.print(f"Lineage      {store.address}", highlight=False)
    console.print("Ctrl-C stops them; what is recorded stays.")
    while True:
        time.sleep(3600)


def start_mlflow(folder: Path) -> str:
    """The address of the MLflow UI: MLFLOW_TRACKING_URI if that is a server, else a local one on the data folder."""
    import os

    from archdb.shared_server import attach
    from flows.prefect_server import answers
    from tasks.tracking import tracking_uri

    if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http"):
        return os.environ["MLFLOW_TRACKING_URI"]
    program = shutil.which("mlflow", path=str(Path(sys.executable).parent)) or "mlflow"

    def command(port: int) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        artifacts = (folder / "mlartifacts").as_uri()
        return [
            program, "server", *where, "--backend-store-uri", tracking_uri(), "--artifacts-destination", artifacts,
        ]  # fmt: skip

    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    port = attach(
        folder / "mlflow",
        command,
        lambda port: answers(f"http://127.0.0.1:{port}/health"),
        environment=quiet,
        prefer_port=MLFLOW_PORT,
        patience=120.0,
    )
    return f"http://127.0.0.1:{port}"
