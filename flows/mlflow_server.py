"""Which MLflow pages a person looks at: those of the server that MLFLOW_TRACKING_URI names, else local ones, which
``archloop up`` serves.
"""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from archdb import Campaign, home
from archdb.shared_server import attach, port_of
from flows.prefect_server import answers
from tasks.tracking import folder_of, prepare_tracking, shown_address, tracking_uri

UI_PORT = 5000  # MLflow's usual one; another is taken when it is busy
FOLDER = "mlflow"  # of the data folder: the local server's log, locks and port


def use_mlflow(folder: Path) -> str:
    """The address of the MLflow UI: MLFLOW_TRACKING_URI if that is a server, else a local one on the data folder."""
    named = _named()
    if named:
        return named
    program = shutil.which("mlflow", path=str(Path(sys.executable).parent)) or "mlflow"

    def command(port: int) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        artifacts = (folder / "mlartifacts").as_uri()
        return [
            program, "server", *where, "--backend-store-uri", tracking_uri(), "--artifacts-destination", artifacts,
        ]  # fmt: skip

    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    prepare_tracking()
    port = attach(
        folder / FOLDER,
        command,
        lambda port: answers(f"http://127.0.0.1:{port}/health"),
        environment=quiet,
        prefer_port=UI_PORT,
        patience=300.0,
    )
    return f"http://127.0.0.1:{port}"


def run_page(campaign: Campaign, run: str) -> str:
    """The page of a run."""
    return f"{_address()}/#/experiments/{folder_of(campaign.scale, campaign.domain)}/runs/{run}"


def campaign_page(campaign: Campaign) -> str:
    """The runs of a campaign."""
    chosen = quote(f"tags.`archloop.campaign` = '{campaign.id}'", safe="")
    return f"{_address()}/#/experiments/{folder_of(campaign.scale, campaign.domain)}/runs?searchFilter={chosen}"


def _address() -> str:
    return _named() or f"http://127.0.0.1:{port_of(home() / FOLDER) or UI_PORT}"


def _named() -> str:
    """The server that MLFLOW_TRACKING_URI names, as people may see it; empty where it names none."""
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    return shown_address(named).rstrip("/") if named.startswith("http") else ""
