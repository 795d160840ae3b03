"""Where a person opens MLflow: the server that MLFLOW_TRACKING_URI names, else the one that ``archloop up`` serves."""

import json
import os
from urllib.parse import quote

from archdb import Campaign, home
from tasks.tracking import folder_of

PORT = 5000  # of `archloop up`, unless that was taken


def mlflow_address() -> str:
    """The address of the MLflow pages."""
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    if named.startswith("http"):
        return named.rstrip("/")
    try:
        port = int(json.loads((home() / "mlflow" / "server.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        port = PORT
    return f"http://127.0.0.1:{port}"


def run_page(campaign: Campaign, run: str) -> str:
    """The page of a run."""
    return f"{mlflow_address()}/#/experiments/{folder_of(campaign.scale)}/runs/{run}"


def campaign_page(campaign: Campaign) -> str:
    """The runs of a campaign."""
    chosen = quote(f"tags.`archloop.campaign` = '{campaign.id}'", safe="")
    return f"{mlflow_address()}/#/experiments/{folder_of(campaign.scale)}/runs?searchFilter={chosen}"
