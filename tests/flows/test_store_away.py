"""A store that is away for a minute in the middle of a campaign: the cycles wait for it and go on."""

import subprocess
import time
from pathlib import Path

import pytest

from archdb import campaign_experiments, list_running, open_store
from tests.archdb.server import Server
from tests.conftest import forget_connections
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]

AWAY_SECONDS = 60.0
CYCLES = 2


def test_cycles_wait_and_go_on(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(tmp_path / "server") as server:
        environment = {**lab.environment(), "ARCHLOOP_HOME": str(tmp_path / "data"), "ARCHLOOP_MONGODB_URI": server.uri}
        child = subprocess.Popen(
            lab.command("run", "--scale", "tiny", "--cycles", str(CYCLES), "--campaign", "away"),
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            monkeypatch.setenv("ARCHLOOP_MONGODB_URI", server.uri)
            monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path / "data"))
            forget_connections()
            wait_for_a_training(child)
            server.kill()
            time.sleep(AWAY_SECONDS)
            assert child.poll() is None, child.communicate()
            server.start()
            told, complaints = child.communicate(timeout=400)
        finally:
            child.kill()
        assert child.returncode == 0, complaints
        assert "The store does not answer" in complaints
        found = campaign_experiments(open_store(), "away")
        forget_connections()
    assert sum(one.kind == "candidate" for one in found) == CYCLES
    assert all(one.state == "done" for one in found), told
    assert all(not one.lease.owner for one in found)


def wait_for_a_training(child: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 200
    while not any(one.stage == "gpu-train" for one in list_running(open_store(), "away")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
