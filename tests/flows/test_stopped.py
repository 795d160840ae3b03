"""Ctrl-C ends the children at once, says so in a sentence, and the same command goes on."""

import signal
import subprocess
import time

import psutil
import pytest

from archdb import Store, list_running
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory


def test_ctrl_c_ends_children_and_keeps_what_is_recorded(lab: Lab, lab_store: Store) -> None:
    child = subprocess.Popen(
        lab.command("run", "--scale", "tiny", "--cycles", "1", "--campaign", "stopped"),
        env=lab.environment(),
        cwd=lab.folder.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 200
    while not any(one.stage == "gpu-train" for one in list_running(lab_store, "stopped")):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    jailed = [one.pid for one in psutil.Process(child.pid).children(recursive=True)]
    child.send_signal(signal.SIGINT)
    told = child.communicate(timeout=60)[1]
    assert child.returncode == 130
    assert "Traceback" not in told
    assert "the same command goes on from here" in told
    assert not [pid for pid in jailed if psutil.pid_exists(pid)]
    experiments = list(lab_store.experiments.find({"campaign": "stopped"}))
    assert experiments
    assert all(one["state"] == "open" and one["failure"] is None for one in experiments)
