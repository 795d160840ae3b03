"""A data folder with a real Prefect server, and the command line that works on it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ARCHLOOP = str(Path(sys.executable).parent / "archloop")
CYCLES = 2  # of the campaign that tests share


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
