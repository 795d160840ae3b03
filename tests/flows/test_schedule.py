"""A Prefect schedule really fires with the pinned packages. Some sets that pip accepts break this without a word."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory

SERVED = """
from datetime import timedelta
from prefect import flow

@flow(name="tick")
def tick():
    return 1

if __name__ == "__main__":
    tick.serve(name="often", interval=timedelta(seconds=3))
"""


def test_a_scheduled_run_appears_and_completes(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "served.py"
    file.write_text(SERVED)
    environment = {**os.environ, "PREFECT_API_URL": lab.prefect, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    server = subprocess.Popen(
        [sys.executable, str(file)],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    completed = {"flows": {"name": {"any_": ["tick"]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    deadline = time.monotonic() + 120
    try:
        while True:
            runs = httpx.post(f"{lab.prefect}/flow_runs/filter", json=completed).json()
            if runs:
                break
            assert server.poll() is None, "the serving process ended"
            assert time.monotonic() < deadline, "no scheduled run completed: are the pins in constraints.txt installed?"
            time.sleep(0.5)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=30)
    assert runs[0]["auto_scheduled"]
