"""A MongoDB-wire server as somebody else would run it: started, killed and started again at one address."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from archdb.embedded import _answers


class Server:
    """Use it in a ``with`` statement. ``kill`` is a kill -9; ``start`` brings it back with what was on its disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "settings.toml").touch()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/archloop"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        program = shutil.which("secantusd-py", path=str(Path(sys.executable).parent))
        assert program is not None
        self.process = subprocess.Popen(
            [
                program, "--config", str(self.folder / "settings.toml"), "--host", "127.0.0.1",
                "--port", str(self.port), "--storage-path", str(self.folder / "data"),
                "--sync-on-commit", "--log-level", "WARNING",
            ],
            cwd=self.folder,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not _answers(self.port):
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
