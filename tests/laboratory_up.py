"""`archloop up` as a process, and its Prefect server: for tests that act on a laboratory as a person does."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.laboratory import ARCHLOOP, until

ROOT = Path(__file__).parents[1]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Up:
    """A laboratory that `archloop up` runs, and its Prefect server's API."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "up.log"
        given = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = {**given, "ARCHLOOP_HOME": str(folder), "PYTHONPATH": path, "COLUMNS": "200"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [ARCHLOOP, "up"], env=environment, cwd=folder.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        until(lambda: "Ctrl-C" in self.told() or self.process.poll() is not None, "archloop up")
        assert self.process.poll() is None, self.told()
        self.api = self.page("Prefect UI") + "/api"

    def page(self, of: str) -> str:
        """The address that it tells for one of its parts."""
        return next(line.split()[-1] for line in self.told().splitlines() if line.startswith(of))

    def told(self) -> str:
        return self.log.read_text()

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.api}/{path}", timeout=60).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        def taken() -> httpx.Response | None:
            """Its database may be locked for a moment on a busy machine, which Prefect's own client tries again."""
            reply = httpx.post(f"{self.api}/{path}", json=body, timeout=60)
            return None if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE else reply

        return until(taken, path).raise_for_status().json()

    def deployment(self, name: str) -> Any:
        return self.get(f"deployments/name/{name}/{name}")

    def start(self, name: str, /, **parameters: Any) -> str:
        """Run a deployment, as the button of the UI does. Returns the flow run's id."""
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"deployments/{self.deployment(name)['id']}/create_flow_run", body)["id"])

    def state(self, run: str) -> str:
        return str(self.get(f"flow_runs/{run}")["state"]["type"])

    def end(self, run: str) -> str:
        """Wait for a run's end; how it ended."""
        until(lambda: self.state(run) in ENDED, f"the end of {run}")
        return self.state(run)

    def below(self, *words: str) -> list[psutil.Process]:
        """The processes that it started, directly or not, with all of these words in their command."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if all(word in " ".join(command_of(one)) for word in words)]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(200)


def command_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return list(process.cmdline())
    return []
