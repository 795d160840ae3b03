"""A server process that all archloop processes of one data folder share, and that ends after the last of them.

Each client holds a shared lock on ``clients.lock`` for as long as it lives; the kernel drops the lock however the
client ends, kill -9 included. A keeper process (this file, run as a module, in a session of its own) starts the server,
starts it again at the same port if it is killed, and ends it when it can take the lock for itself. While it shuts down
it holds the lock, so a newcomer waits and then starts a fresh server: there is never a second server on one folder, and
never an orphan.
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
from typing import IO, NamedTuple

import psutil

from archdb.errors import StoreMisconfigured

PR_SET_PDEATHSIG = 1
KEEPER = "archdb.shared_server"
GRACE_SECONDS = 3.0  # how long a server outlives its last client
PORT_SECONDS = 3.0  # how long a killed server may take to give its port up
LIVES, LEAST_LIFE_SECONDS = 3, 2.0  # so often in a row may a server end sooner than that before its keeper gives it up
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
        folder: holds the locks, the log and the port of the server, and has its name; created if missing.
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
    with alone(folder / "start.lock"):
        known = _recorded(folder)
        if known is not None:
            if _kept(known) and _until(lambda: healthy(known.port), lambda: _kept(known), patience):
                return known.port
            _bury(known)
            prefer_port = known.port  # who had the server open finds it again
        for _ in range(3):  # another program may take the free port before the server does
            port = _free_port(prefer_port)
            keeper = _start_keeper(folder, command(port), port, environment)
            at_work = partial(_runs, keeper)
            if _until(partial(_ours, keeper.pid, port, healthy), at_work, patience):
                return port
            if _runs(keeper):
                keeper.terminate()
                keeper.wait()
            prefer_port = known.port if known else None
    raise StoreMisconfigured(
        f"The local server {folder.name} did not start: read {folder / 'server.log'} for the reason, mend it, and run "
        "the same command again."
    )


def attached(folder: Path) -> bool:
    """Whether this process is a client of the server of ``folder``."""
    return folder in _leases


def detach(folder: Path) -> None:
    """Give this process's lease up. The server ends a few seconds later if nobody else holds one."""
    held = _leases.pop(folder, None)
    if held is not None:
        held.close()


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock that this file is, as no other process does meanwhile. It is made, and given up with its holder."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Known(NamedTuple):
    port: int
    keeper: int  # pids
    server: int


def port_of(folder: Path) -> int | None:
    """Where the server of ``folder`` is, or was last; None if there was none or it has ended."""
    known = _recorded(folder)
    return known.port if known else None


def _recorded(folder: Path) -> _Known | None:
    """The server that was last started here."""
    try:
        return _Known(**json.loads((folder / "server.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _kept(known: _Known) -> bool:
    """Whether its keeper is at work: without one, whoever answers at the port may be a stranger."""
    try:
        return KEEPER in psutil.Process(known.keeper).cmdline()
    except psutil.Error:
        return False


def _bury(known: _Known) -> None:
    """Wait until a server whose keeper was killed has ended, or end it: two on one folder would spoil each other."""
    with contextlib.suppress(psutil.Error):
        server = psutil.Process(known.server)
        if str(known.port) in server.cmdline():
            try:
                server.wait(timeout=20)
            except psutil.TimeoutExpired:
                server.kill()
                server.wait(timeout=20)
    # a killed process gives its port up a moment after it has stopped to look like one
    _until(lambda: _bound(known.port) is not None, lambda: True, PORT_SECONDS)


def _free_port(preferred: int | None) -> int:
    for port in (preferred, 0):
        found = None if port is None else _bound(port)
        if found is not None:
            return found
    raise StoreMisconfigured("No free port is left on 127.0.0.1: close some programs and run the same command again.")


def is_free(port: int) -> bool:
    """Whether a server of this machine could have the port now."""
    return _bound(port) is not None


def _bound(port: int) -> int | None:
    """The port, if a server could have it now; any free one for 0."""
    with socket.socket() as listener, contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        return int(listener.getsockname()[1])
    return None


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
            [sys.executable, "-m", KEEPER, str(folder), str(port), *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _runs(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _until(healthy: Callable[[], bool], at_work: Callable[[], bool], patience: float) -> bool:
    """Wait until the server answers, for as long as its keeper works at it."""
    deadline = time.monotonic() + patience
    while not healthy():
        if time.monotonic() > deadline or not at_work():
            return False
        time.sleep(0.05)
    return True


def _keep(folder: Path, port: int, command: Sequence[str]) -> int:
    """The keeper: run the server until no client is left. Returns the server's exit code."""
    record = folder / "server.json"
    lives = LIVES
    while lives:
        started = time.monotonic()
        server = _serve(folder, command)
        draft = folder / f"server.json.{os.getpid()}"
        draft.write_text(json.dumps({"port": port, "keeper": os.getpid(), "server": server.pid}))
        draft.replace(record)
        signal.signal(signal.SIGTERM, partial(_leave, server))
        if _outlived(server, folder / "clients.lock"):
            break
        lives = lives - 1 if time.monotonic() - started < LEAST_LIFE_SECONDS else LIVES
        print(f"The server ended with code {server.returncode}.", file=sys.stderr, flush=True)
    return server.returncode


def _serve(folder: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None)
    die_with_keeper = partial(libc.prctl, PR_SET_PDEATHSIG, signal.SIGTERM)
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, preexec_fn=die_with_keeper)


def _outlived(server: subprocess.Popen[bytes], lock: Path) -> bool:
    """Watch the server. True when it was ended because its last client is gone, False when it ended by itself."""
    with lock.open("ab") as clients:
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
                _end(server)
                (lock.parent / "server.json").unlink(missing_ok=True)  # while no newcomer can look
                return True
            fcntl.flock(clients, fcntl.LOCK_UN)  # a newcomer may join during the grace time
    return False


def _leave(server: subprocess.Popen[bytes], *_: object) -> None:
    """On SIGTERM: the server's end is wanted, so it is not started again."""
    _end(server)
    raise SystemExit(server.returncode)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    sys.exit(_keep(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
