"""User and password in MLFLOW_TRACKING_URI reach MLflow alone: no page, no sentence, no traceback."""

import traceback
from pathlib import Path

import pytest

from archdb import Campaign
from flows import mlflow_server
from tasks.faults import TransportFault
from tasks.tracking import server, shown_address

SECRET = "c4n4ry:p%40ss"


def test_a_password_in_the_address_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://{SECRET}@mlflow.example:5000/")
    monkeypatch.setattr(mlflow_server, "folder_of", lambda *_: "1")
    campaign = Campaign(id="t", scale="tiny", provider="grammar", cycles=0)
    pages = mlflow_server.run_page(campaign, "r"), mlflow_server.campaign_page(campaign)
    shown = (mlflow_server.use_mlflow(Path("nowhere")), *pages)
    assert all(one.startswith("https://mlflow.example:5000") for one in shown)
    with pytest.raises(TransportFault) as raised, server.tracking_faults():
        raise MlflowException(f"API request to {server.tracking_uri()}api failed")
    assert "MLflow at https://mlflow.example:5000/ does not take results" in str(raised.value)
    assert "request to https://mlflow.example:5000/api failed" in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert server.tracking_uri() == f"https://{SECRET}@mlflow.example:5000/"
    assert shown_address("mysql+pymysql://u:p@db/mlflow") == "mysql+pymysql://db/mlflow"
