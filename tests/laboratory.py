"""A data folder with a real Prefect server, and the command line that works on it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ARCHLOOP = str(Path(sys.executable).parent / "archloop")
CYCLES = 2  # of the campaign that tests share
PATIENCE = 400.0  # seconds, for what takes a busy machine long
Found = TypeVar("Found")


def until(look: Callable[[], Found | None], what: str = "what was looked for", patience: float = PATIENCE) -> Found:
    """What ``look`` finds, as soon as it finds something."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain for {what}"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Lab:
    """A data folder with a Prefect server that stays up while tests use it."""

    folder: Path
    prefect: str

    def environment(self) -> dict[str, str]:
        """What a command needs to work on this data folder."""
        return {**os.environ, "ARCHLOOP_HOME": str(self.folder), "PREFECT_API_URL": self.prefect, "COLUMNS": "160"}

    def command(self, *arguments: str) -> list[str]:
        return [ARCHLOOP, *arguments]

    def run(self, *arguments: str, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        """Run ``archloop`` to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
