"""A GPU work pool beside servers that only this machine reaches is refused before anything starts."""

import pytest

from archdb import StoreMisconfigured
from flows.gpu_pool import require_shared_servers
from flows.prefect_server import use_prefect


def test_a_pool_beside_embedded_servers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_GPU_DEPLOYMENT", "evaluate-design/evaluate-design")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(StoreMisconfigured) as refused:
        use_prefect()
    assert "ARCHLOOP_MONGODB_URI, PREFECT_API_URL, MLFLOW_TRACKING_URI" in str(refused.value)
    monkeypatch.setenv("ARCHLOOP_MONGODB_URI", "mongodb://store:27017/archloop")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///here.db")
    with pytest.raises(StoreMisconfigured, match="point MLFLOW_TRACKING_URI to servers"):
        require_shared_servers("http://prefect:4200/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    require_shared_servers("http://prefect:4200/api")
