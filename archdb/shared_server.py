"""A server process that all archloop processes of one data folder share, and that ends after the last of them.

Each client holds a shared lock on ``clients.lock`` for as long as it lives; the kernel drops the lock however the
client ends, kill -9 included. A keeper process (this file, run as a module, in a session of its own) starts the server
and ends it when it can take the lock for itself. While it shuts down it holds the lock, so a newcomer waits and then
starts a fresh server: there is never a second server on one folder, and never an orphan.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import psutil

from archdb.errors import StoreMisconfigured

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 3.0  # how long a server outlives its last client
_leases: dict[Path, IO[bytes]] = {}  # folder -> the open lock file of this process


def attach(
    folder: Path,
    command: Callable[[int], Sequence[str]],
    healthy: Callable[[int], bool],
    *,
    environment: Mapping[str, str] | None = None,
    prefer_port: int | None = None,
    patience: float = 60.0,
) -> int:
    """Join the server of ``folder``, starting it if none runs, and return its port on 127.0.0.1.

    Args:
        folder: holds the locks, the log and the port of the server; created if missing.
        command: the server's command line for a given port.
        healthy: whether the server at a port answers.
        prefer_port: taken if it is free, else any free port.
        patience: seconds to wait for a fresh server to answer.

    Raises:
        StoreMisconfigured: the server did not come up; the sentence names its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder not in _leases:
        held = (folder / "clients.lock").open("ab")
        fcntl.flock(held, fcntl.LOCK_SH)
        _leases[folder] = held
    with _alone(folder / "start.lock"):
        port = _recorded_port(folder)
        if port is not None and healthy(port):
            return port
        for _ in range(3):  # another program may take the free port before the server does
            port = _free_port(prefer_port)
            keeper = _start_keeper(folder, command(port), port, environment)
            if _wait_until(partial(_ours, keeper.pid, port, healthy), keeper, patience):
                return port
            prefer_port = None
    raise StoreMisconfigured(
        f"The local server {Path(command(0)[0]).name} did not start: read {folder / 'server.log'} for the reason, "
        "mend it, and run the same command again."
    )


def detach(folder: Path) -> None:
    """Give this process's lease up. The server ends a few seconds later if nobody else holds one."""
    held = _leases.pop(folder, None)
    if held is not None:
        held.close()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _recorded_port(folder: Path) -> int | None:
    try:
        return int(json.loads((folder / "server.json").read_text())["port"])
    except (OSError, ValueError, KeyError):
        return None


def _free_port(preferred: int | None) -> int:
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    raise StoreMisconfigured("No free port is left on 127.0.0.1: close some programs and run the same command again.")


def _ours(keeper: int, port: int, healthy: Callable[[int], bool]) -> bool:
    """Whether a descendant of the keeper serves the port: another program may have taken it a moment earlier."""
    try:
        family = psutil.Process(keeper).children(recursive=True)
        sockets = [one for process in family for one in process.net_connections(kind="inet")]
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets) and healthy(port)


def _start_keeper(
    folder: Path, command: Sequence[str], port: int, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "archdb.shared_server", str(folder), str(port), *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_until(healthy: Callable[[], bool], keeper: subprocess.Popen[bytes], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and keeper.poll() is None:
        if healthy():
            return True
        time.sleep(0.05)
    if keeper.poll() is None:
        keeper.terminate()
        keeper.wait()
    return False


def _keep(folder: Path, port: int, command: Sequence[str]) -> int:
    """The keeper: run the server until no client is left. Returns the server's exit code."""
    libc = ctypes.CDLL(None)
    server = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
    )
    record = folder / "server.json"
    draft = folder / f"server.json.{os.getpid()}"
    draft.write_text(json.dumps({"port": port, "keeper": os.getpid(), "server": server.pid}))
    draft.replace(record)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    with (folder / "clients.lock").open("ab") as clients:
        alone_since = None
        while server.poll() is None:
            time.sleep(0.25)
            try:
                fcntl.flock(clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone_since = None
                continue
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since >= GRACE_SECONDS:
                server.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(timeout=20)
                if server.poll() is None:
                    server.kill()
                    server.wait()
                break
            fcntl.flock(clients, fcntl.LOCK_UN)  # a newcomer may join during the grace time
        record.unlink(missing_ok=True)
    return server.returncode


if __name__ == "__main__":
    sys.exit(_keep(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
