"""Where attacks take place: a home, a data folder and neighbours that are all canaries, and the means to watch them."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evaluation import Exit, Launch, Limits

LIMITS = Limits(
    wall_seconds=10,
    cpu_seconds=1,
    memory_bytes=500 * 2**20,
    output_bytes=2**20,
    disk_bytes=32 * 2**20,
    files=500,
    processes=64,
)
LONGEST_CONTROL = 20.0  # seconds
Look = Callable[[list[int]], str]


class Unsuited(Exception):
    """An attack cannot be tried on this machine or by this user, with or without a sandbox. The text says why."""


class Ear:
    """A socket that notes what reaches it, in a thread of its own."""

    def __init__(self, family: int, kind: int, address: Any) -> None:
        self.socket = socket.socket(family, kind)
        try:
            self.socket.bind(address)
        except OSError as error:
            self.socket.close()
            raise Unsuited(f"no such address here: {error}") from error
        self.address = self.socket.getsockname()
        self.stream = kind == socket.SOCK_STREAM
        self.noted = b""
        if self.stream:
            self.socket.listen(8)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                if self.stream:
                    with self.socket.accept()[0] as caller:
                        caller.settimeout(1)
                        self.noted += b"a connection " + caller.recv(200)
                else:
                    self.noted += b"a message " + self.socket.recv(200)

    def heard(self) -> str:
        """What has come, a moment after the child's end."""
        time.sleep(0.05)
        return self.noted.decode(errors="replace")

    def close(self) -> None:
        self.socket.close()


class Arena:
    """One attack's surroundings. ``secret`` lies in every place that must not be read."""

    def __init__(self, launch: Launch, top: Path) -> None:
        self.launch, self.top = launch, top
        self.secret = "canary-" + secrets.token_hex(8)
        self.home, self.data = top / "home", top / "data"
        self.folder = self.data / "work" / "this" / "gpu-train-0-s1" / "train"
        self.other = self.data / "work" / "other"
        self.neighbour: subprocess.Popen[bytes] | None = None
        self.on_line: Callable[[str], None] = lambda _: None
        self.ears: list[Ear] = []
        self.seen = ""  # what ``look`` saw
        self.exit: Exit | None = None
        for folder in (self.home / ".ssh", self.data / "store", self.folder, self.other):
            folder.mkdir(parents=True)
        for file in (self.home / ".ssh" / "id_rsa", self.data / "store" / "records", self.other / "weights"):
            file.write_text(self.secret)

    def run(self, code: str, profile: str = "check", look: Look | None = None, **limits: float) -> Exit:
        """Let a child run ``code``. ``look`` is called often with the processes that work in the child's folder."""
        (self.folder / "program.py").write_text(code)
        self.seen = ""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(look, over))
        if look is not None:
            watcher.start()
        try:
            self.exit = self.launch(
                "tasks.sandbox.run_file",
                "program.py",
                folder=self.folder,
                limits=LIMITS.model_copy(update=limits),
                profile="train" if profile == "train" else "check",
                on_line=self.on_line,
            )
        finally:
            over.set()
            if look is not None:
                watcher.join()
        assert self.launch is unguarded or self.exit.start_seconds is not None, "the program did not run"
        return self.exit

    def _watch(self, look: Look, over: threading.Event) -> None:
        while not over.wait(0.02):
            with contextlib.suppress(OSError):
                self.seen = self.seen or look(self.at_work())

    def at_work(self) -> list[int]:
        """The living processes whose working directory is the child's folder."""
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and os.readlink(f"/proc/{name}/cwd").removesuffix(" (deleted)") == str(self.folder):
                    found.append(int(name))
        return found

    def loot(self, name: str = "loot") -> str:
        """The secret, if the child brought it into its folder."""
        with contextlib.suppress(OSError):
            if self.secret in (self.folder / name).read_text(errors="replace"):
                return f"the child read {self.secret}"
        return ""

    def start_neighbour(self) -> int:
        """A process of the same user, with the secret in its environment and its memory."""
        code = (
            "import ctypes, os, sys, time\n"
            "ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)\n"  # let anybody trace this process
            "held = ctypes.create_string_buffer(os.environ['ARENA_SECRET'].encode())\n"
            "print(ctypes.addressof(held), flush=True)\n"
            "time.sleep(60)\n"
        )
        self.neighbour = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, "ARENA_SECRET": self.secret}, stdout=subprocess.PIPE
        )
        assert self.neighbour.stdout is not None
        self.address = int(self.neighbour.stdout.readline())
        return self.neighbour.pid

    def listen(self, family: int, kind: int, address: Any) -> Ear:
        """An ear that is closed with the arena."""
        ear = Ear(family, kind, address)
        self.ears.append(ear)
        return ear

    def clean(self) -> None:
        """End and remove whatever is left."""
        for ear in self.ears:
            ear.close()
        if self.neighbour is not None:
            self.neighbour.kill()
            self.neighbour.wait()
        deadline = time.monotonic() + 10
        while (left := self.at_work()) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


@contextlib.contextmanager
def arena(launch: Launch) -> Iterator[Arena]:
    """A fresh arena. While it is open, HOME and ARCHLOOP_HOME lead into it."""
    top = Path(tempfile.mkdtemp(prefix="arena-")).resolve()
    top.chmod(0o755)
    made = Arena(launch, top)
    before = {name: os.environ.get(name) for name in ("HOME", "ARCHLOOP_HOME")}
    os.environ |= {"HOME": str(made.home), "ARCHLOOP_HOME": str(made.data)}
    try:
        yield made
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        made.clean()
        shutil.rmtree(top, ignore_errors=True)


def unguarded(module: str, mode: str, *, folder: Path, limits: Limits, **options: Any) -> Exit:
    """A Launch without any limit or isolation, for controls: it shows that an attack works where nothing stops it."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-I", "-m", module, mode],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        killer = threading.Timer(LONGEST_CONTROL, child.kill)
        killer.start()
        assert child.stdout is not None
        on_line = options.get("on_line") or (lambda _: None)
        for line in child.stdout:
            on_line(line.decode(errors="replace").rstrip("\n"))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
        errors.seek(0)
        told = errors.read().decode(errors="replace")
    return Exit(
        returncode=child.returncode,
        ended="exited",
        wall_seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
        stderr_tail=told[-4000:],
        sandbox={},
    )
