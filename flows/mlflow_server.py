"""Which MLflow pages a person looks at: those of the server that MLFLOW_TRACKING_URI names, else local ones."""

import os
import shutil
import sys
from pathlib import Path

from archdb.shared_server import attach
from flows.prefect_server import answers
from tasks.tracking import tracking_uri

UI_PORT = 5000  # MLflow's usual one; another is taken when it is busy


def use_mlflow(folder: Path) -> str:
    """The address of the MLflow UI: MLFLOW_TRACKING_URI if that is a server, else a local one on the data folder."""
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
        prefer_port=UI_PORT,
        patience=300.0,
    )
    return f"http://127.0.0.1:{port}"
