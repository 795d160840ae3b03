"""The launch that tasks/ passes to evaluation: each child alone in its folder, bounded, and ended with its supervisor.

The child inherits no environment, no file and no terminal; it gets resource limits, no new privileges, a session of
its own, and a kill signal for the moment its supervisor dies. Every report records which layers were on.
"""

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

import psutil

from evaluation import Exit, Launch, Limits, Profile
from tasks.faults import Stopped

ENTER = Path(__file__).with_name("enter.py")
LIBRARIES_BYTES = 16 * 2**30  # address space that mapped libraries may take on top of the memory limit (CUDA builds)
MOST_OPEN_FILES, MOST_PROCESSES = 512, 4096
LAYERS = {
    "environment": "on (empty but for PATH, HOME, TMPDIR and thread counts)",
    "resource limits": "on (address space, CPU time, file size, open files, processes; resident memory polled)",
    "privileges": "on (no_new_privs)",
    "lifetime": "on (own session, killed with its supervisor)",
    "file system": "off (not confined beyond the user's rights)",
    "network": "off (not confined)",
}
Ended = Literal["exited", "wall_clock", "cpu", "memory", "output"]
stop_everything = threading.Event()  # set once, by Ctrl-C: every jailed child of this process ends within a second


def jail(every_second: Callable[[], None] | None = None) -> Launch:
    """A ``Launch`` that confines its children.

    Args:
        every_second: called about once a second while a child runs; whatever it raises ends the child and propagates.
    """

    def launch(
        module: str,
        mode: str,
        *,
        folder: Path,
        limits: Limits,
        profile: Profile = "check",
        on_line: Callable[[str], None] | None = None,
    ) -> Exit:
        arguments = ["-I", "-m", module, mode]
        return _supervise(arguments, folder, limits, on_line or (lambda _: None), every_second or (lambda: None))

    return launch


def _supervise(
    arguments: list[str],
    folder: Path,
    limits: Limits,
    on_line: Callable[[str], None],
    every_second: Callable[[], None],
) -> Exit:
    started = last_second = time.monotonic()
    ended: Ended = "exited"
    peak, usage = 0, None
    with tempfile.TemporaryFile() as errors:
        child = _start(arguments, folder, limits, errors)
        lines = _Lines(on_line, child.stdout)
        try:
            while usage is None and ended == "exited":
                lines.read(patience=0.1)
                peak = max(peak, _resident(child.pid))
                usage = _reap(child)
                now = time.monotonic()
                ended = _overrun(limits, now - started, peak, lines.size)
                if stop_everything.is_set():
                    raise Stopped("The work was stopped; the same command goes on from here.")
                if now - last_second >= 1.0:
                    last_second = now
                    every_second()
            while lines.size <= limits.output_bytes and lines.read(patience=0.0):
                pass
        finally:
            _kill(child)
            usage = usage or _reap(child, grace=10.0)
            lines.close()
        cpu = usage[1].ru_utime + usage[1].ru_stime if usage else 0.0
        returncode = os.waitstatus_to_exitcode(usage[0]) if usage else -signal.SIGKILL
        if ended == "exited" and (returncode == -signal.SIGXCPU or cpu >= limits.cpu_seconds):
            ended = "cpu"
        errors.seek(0, os.SEEK_END)
        errors.seek(max(0, errors.tell() - 16000))
        tail = errors.read().decode(errors="replace")[-4000:]
    return Exit(
        returncode=returncode,
        ended=ended,
        wall_seconds=time.monotonic() - started,
        cpu_seconds=cpu,
        peak_bytes=max(peak, usage[1].ru_maxrss * 1024 if usage else 0),
        stderr_tail=tail,
        sandbox=LAYERS,
    )


def _start(arguments: list[str], folder: Path, limits: Limits, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    bounds = {
        "parent": os.getpid(),
        "AS": limits.memory_bytes + LIBRARIES_BYTES,
        "CPU": int(limits.cpu_seconds) + 1,
        "FSIZE": limits.output_bytes,
        "NOFILE": MOST_OPEN_FILES,
        "NPROC": MOST_PROCESSES,
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(ENTER), json.dumps(bounds), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", **threads},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )


def _overrun(limits: Limits, elapsed: float, peak: int, written: int) -> Ended:
    if elapsed > limits.wall_seconds:
        return "wall_clock"
    if peak > limits.memory_bytes:
        return "memory"
    if written > limits.output_bytes:
        return "output"
    return "exited"


def _resident(pid: int) -> int:
    """Resident bytes of a child and its descendants."""
    try:
        root = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [root, *root.children(recursive=True)])
    except psutil.Error:
        return 0


def _reap(child: subprocess.Popen[bytes], grace: float = 0.0) -> tuple[int, resource.struct_rusage] | None:
    """Wait for the child at most ``grace`` seconds; its status and resource usage, or None if it still runs."""
    deadline = time.monotonic() + grace
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return status, usage
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole session, whatever is left of it."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


class _Lines:
    """Cuts what a child prints into lines; counts the bytes, and never holds more than one long line."""

    def __init__(self, on_line: Callable[[str], None], stream: IO[bytes] | None) -> None:
        assert stream is not None
        self.on_line, self.stream, self.rest, self.size = on_line, stream, b"", 0
        self.ready = selectors.DefaultSelector()
        self.ready.register(stream, selectors.EVENT_READ)

    def read(self, patience: float) -> bool:
        """Wait at most ``patience`` seconds for something to read; whether there was something."""
        if not self.ready.get_map():  # the child closed its stdout and goes on
            time.sleep(patience)
            return False
        if not self.ready.select(timeout=patience):
            return False
        data = os.read(self.stream.fileno(), 65536)
        if not data:
            self.ready.unregister(self.stream)
            return False
        self.size += len(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        self.rest = self.rest[-65536:]
        for line in whole:
            self.on_line(line.decode(errors="replace"))
        return True

    def close(self) -> None:
        self.ready.close()
        self.stream.close()
