"""The supervisor's end of its fork server: one a process, started when first needed, started again if it died."""

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from tasks.faults import CapacityFault, NotConfined
from tasks.sandbox.order import MESSAGE_BYTES, Confined, Ending, Layer, News, Order
from tasks.sandbox.visible import PASSED_ON

START_SECONDS = 120.0  # importing torch from a cold disk
# One of these sets of layers works on every machine that we know; each is tried on a throw-away child.
ATTEMPTS: tuple[tuple[Layer, ...], ...] = ((), ("user",), ("namespaces",), ("user", "namespaces"))

# What every real job will have to do: read Python, the packages and our code, and write into its folder.
PROBE = """
import importlib.util, os, pathlib, sysconfig
for name in ("colorsys", "evaluation.child", "kernels", "einops", "torch"):
    pathlib.Path(importlib.util.find_spec(name).origin).read_bytes()
assert os.listdir(sysconfig.get_path("purelib"))
pathlib.Path("new").mkdir()
pathlib.Path("new/file").write_bytes(os.urandom(16))
os.replace("new/file", "done")
"""


class Job:
    """A child that was ordered: what it says of its confinement, how it ended, and the means to end it."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.keeper = 0
        self.confined: Confined | None = None
        self.ending: Ending | None = None

    def fileno(self) -> int:
        return self.channel.fileno()

    def hear(self) -> None:
        """Take in one message; call it when there is something to read. Raises CapacityFault if the server is gone."""
        try:
            message = self.channel.recv(MESSAGE_BYTES)
        except ConnectionResetError:
            message = b""
        if not message:
            raise CapacityFault("The fork server ended while a child ran, perhaps for want of memory.")
        news = News.model_validate_json(message)
        self.keeper = news.keeper or self.keeper
        self.confined = news.confined or self.confined
        self.ending = news.ending or self.ending
        if self.ending is not None and self.ending.fault:
            raise CapacityFault(f"The machine had no room for another child ({self.ending.fault}).")

    def known_keeper(self) -> int:
        """The keeper, whose number is told before the child starts. Raises CapacityFault if the server is gone."""
        while not self.keeper:
            self.hear()
        return self.keeper

    def close(self) -> None:
        """Let go of the child, which ends it if it still runs."""
        self.channel.close()

    def end(self) -> None:
        """Ask for the end of the child and of all that it started. The ending still arrives."""
        with contextlib.suppress(OSError):
            self.channel.send(b"end")


class Server:
    """A running fork server. Not to be shared with a forked copy of this process."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.broken: dict[Layer, str] = {}
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long-lived as the server
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", "tasks.sandbox.fork_server", str(self.owner)],
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **threads, **passed},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                start_new_session=True,
            )
        self.control.settimeout(START_SECONDS)
        try:
            greeting = self.control.recv(MESSAGE_BYTES)
        except OSError:
            greeting = b""
        if not greeting:
            self.close()
            raise NotConfined(f"The sandbox's fork server did not start: {self.last_words()}.")
        self._find_broken()

    def usable(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def start(self, order: Order, stdout: int, stderr: int, stdin: int | None = None) -> Job:
        """Fork a child; without ``stdin`` it has nothing to read there. Raises OSError if the server has gone."""
        reasons = {layer: why for layer, why in self.broken.items() if layer in order.layers}
        layers = tuple(layer for layer in order.layers if layer not in reasons)
        order = order.model_copy(update={"layers": layers, "reasons": reasons})
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                streams = [stdout, stderr] if stdin is None else [stdout, stderr, stdin]
                socket.send_fds(self.control, [order.model_dump_json().encode()], [theirs.fileno(), *streams])
            except OSError:
                ours.close()
                raise
        return Job(ours)

    def _find_broken(self) -> None:
        """Find out, with real children, which layers a child cannot work under on this machine, and why."""
        told: list[str] = []
        for attempt in ATTEMPTS:
            self.broken = dict.fromkeys(attempt, f"a throw-away child failed with it: {' / '.join(told)}")
            with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
                worked = self._probe(Path(folder).resolve(), errors)
                errors.seek(0)
                said = errors.read().decode(errors="replace").split("\n")
            if worked:
                return
            told.append(next((line.strip() for line in reversed(said) if line.strip()), "no message")[:200])
        raise NotConfined(f"No child of the sandbox works on this machine: {' / '.join(told)}.")

    def _probe(self, folder: Path, errors: IO[bytes]) -> bool:
        (folder / "probe.py").write_text(PROBE)
        order = Order(
            module="tasks.sandbox.run_file",
            mode="probe.py",
            folder=folder,
            profile="check",
            memory_bytes=2**30,
            cpu_seconds=30,
            file_bytes=2**20,
            private=(),
            hidden=(),
            enforce=False,
        )
        job = self.start(order, errors.fileno(), errors.fileno())
        with contextlib.closing(job):
            job.channel.settimeout(START_SECONDS)
            try:
                while job.ending is None:
                    job.hear()
            except CapacityFault as fault:
                errors.write(str(fault).encode())
                return False
        return job.ending.status == 0 and (folder / "done").is_file()

    def last_words(self) -> str:
        """The last line that the server wrote before it ended."""
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors.read().decode(errors="replace").split("\n") if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End the server and with it all its children; return when they are gone."""
        self.control.close()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_lock = threading.Lock()
_current: Server | None = None


def start_job(order: Order, stdout: int, stderr: int, stdin: int | None = None) -> Job:
    """A child of this process's fork server, which is started if there is none.

    Raises NotConfined if this machine cannot run the sandbox at all, CapacityFault if it has no room just now.
    """
    global _current
    if sys.platform != "linux":
        raise NotConfined(
            "archloop confines designs by means of Linux, and this system has none of them: run it on Linux or in a "
            "Linux container. A file that you trust can be evaluated with: python -m evaluation."
        )
    with _lock:
        for _ in range(2):
            if _current is None or not _current.usable():
                _current = Server()
            with contextlib.suppress(OSError):
                return _current.start(order, stdout, stderr, stdin)
            _current = None
    raise CapacityFault("The fork server ended twice in a row, perhaps for want of memory.")


@atexit.register
def stop_server() -> None:
    """End this process's fork server, if it has one. The next child starts another."""
    global _current
    server, _current = _current, None
    if server is not None and server.owner == os.getpid():
        server.close()
