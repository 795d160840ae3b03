"""`archloop up --check` finds what `archloop up` would refuse, wherever it is written."""

from pathlib import Path

import pytest

from flows import diagnosis


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's Prefect, whose profile names a server where none answers."""
    file = tmp_path / "profiles.toml"
    file.write_text('active = "lab"\n[profiles.lab]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n')
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(file))
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", *diagnosis.SERVERS):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("profile")
def test_a_server_that_only_a_profile_of_prefect_names_is_looked_at() -> None:
    (found,) = diagnosis.servers()
    assert (found.what, found.verdict, found.found) == ("PREFECT_API_URL", "fail", "no Prefect server answers there")
    assert not [one for one in diagnosis.ports() if "Prefect" in one.what], "no port here is needed for it"


@pytest.mark.usefixtures("profile")
def test_a_gpu_pool_that_reaches_nothing_here_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(diagnosis.gpu_pool()) == []
    monkeypatch.setenv("ARCHLOOP_GPU_DEPLOYMENT", "evaluate-design/evaluate-design")
    (found,) = diagnosis.gpu_pool()
    assert found.verdict == "fail"
    assert found.remedy.startswith("point ARCHLOOP_MONGODB_URI, MLFLOW_TRACKING_URI to servers, or unset")
    monkeypatch.setenv("ARCHLOOP_MONGODB_URI", "mongodb://store:27017/archloop")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert [one.verdict for one in diagnosis.gpu_pool()] == ["ok"]


@pytest.mark.usefixtures("profile")
def test_a_fault_without_words_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_: str) -> str:
        raise TimeoutError

    monkeypatch.setenv("ARCHLOOP_MODELS", "models.toml")
    monkeypatch.setitem(diagnosis.SERVERS, "ARCHLOOP_MODELS", look)
    assert [one.found for one in diagnosis.servers() if one.what == "ARCHLOOP_MODELS"] == ["TimeoutError"]
