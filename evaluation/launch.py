"""The seam between evaluation and whoever isolates its children.

evaluation never starts a process itself: it calls a ``Launch`` that its caller passes in. tasks/ passes the jailed
one; ``python -m evaluation`` passes ``plain_launch``, and its reports then say "unsandboxed".
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, Protocol

from evaluation.reports import Report

Ended = Literal["exited", "wall_clock", "cpu", "memory", "output", "processes"]
Profile = Literal["check", "train"]  # train may also use a GPU, run compilers and keep their caches
_POLL_SECONDS = 0.02


class Limits(Report):
    """What one child may use before it is ended."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    output_bytes: int = 16 * 2**20  # on stdout, and likewise in any single file that is read back
    disk_bytes: int = 2 * 2**30  # in all files of its folder together
    files: int = 10_000
    processes: int = 64


class Exit(Report):
    """How a child ended. Times and peak memory come from the operating system, not from the child."""

    returncode: int
    ended: Ended
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    stderr_tail: str  # the last 4,000 characters
    sandbox: dict[str, str]
    start_seconds: float | None = None  # from the call of the launch to the first line of main; None: not known


class Used(NamedTuple):
    """What a running child has used when a line of it arrives, as the operating system counts."""

    cpu_seconds: float
    resident_bytes: int


Answer = Callable[[str, Used], str | None]


class Launch(Protocol):
    """Runs ``main(mode)`` of ``module`` in a child with ``folder`` as its working directory and only writable place.

    Waits for its end. ``on_line`` receives each line of the child's stdout as it comes (untrusted text). With
    ``answer``, which takes the lines instead, it is a conversation: what ``answer`` returns is written to the child's
    stdin, as one line of at most 64 kB. Returning never means success: look at the ``Exit``.
    """

    def __call__(
        self,
        module: str,
        mode: str,
        *,
        folder: Path,
        limits: Limits,
        profile: Profile = "check",
        on_line: Callable[[str], None] | None = None,
        answer: Answer | None = None,
    ) -> Exit: ...


def plain_launch(
    module: str,
    mode: str,
    *,
    folder: Path,
    limits: Limits,
    profile: Profile = "check",
    on_line: Callable[[str], None] | None = None,
    answer: Answer | None = None,
) -> Exit:
    """Run the child as an ordinary process of this user: its limits hold, but nothing is isolated. For files you trust.

    The child leads its own process group, which is killed when the child ends, so that nothing it started outlives it.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-I", "-m", module, mode],
            cwd=folder,
            stdin=subprocess.DEVNULL if answer is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )
        assert child.stdout is not None
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        reader = threading.Thread(target=_read_lines, args=(child.stdout, lines), daemon=True)
        reader.start()
        if child.stdin is not None and answer is not None:
            replies = child.stdin.fileno()
            os.set_blocking(replies, False)
            on_line = answering(answer, lambda: Used(*_used(child.pid)), replies)
        ended: Ended = "exited"
        printed = 0
        pid = 0
        try:
            while pid == 0:
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                printed += _deliver(lines, on_line, 0.0 if pid else _POLL_SECONDS)
                if pid == 0 and ended == "exited":
                    ended = _breach(child.pid, limits, time.monotonic() - started, printed)
                    if ended != "exited":
                        _kill_group(child.pid)
        finally:
            _kill_group(child.pid)
            if pid == 0:  # on_line or the caller raised: leave no child behind
                os.wait4(child.pid, 0)
            child.returncode = 0  # reaped above; subprocess must not wait for it again
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.close()
        reader.join(timeout=1.0)
        _deliver(lines, on_line, 0.0)
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 16_000))
        tail = errors.read().decode(errors="replace")[-4000:]
    return Exit(
        returncode=os.waitstatus_to_exitcode(status),
        ended=ended,
        wall_seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        stderr_tail=tail,
        sandbox={"sandbox": "off (unsandboxed: run on its own)"},
    )


def _read_lines(stream: BinaryIO, lines: "queue.SimpleQueue[bytes]") -> None:
    with stream:
        for line in iter(lambda: stream.readline(65_536), b""):
            lines.put(line)


def answering(answer: Answer, used: Callable[[], Used], replies: int) -> Callable[[str], None]:
    """An ``on_line`` that writes what ``answer`` returns to ``replies``, a pipe that must not block.

    A child that does not read what it asked for gets no more: its supervisor waits for nobody.
    """

    def on_line(line: str) -> None:
        reply = answer(line, used())
        if reply is not None:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(replies, reply.encode() + b"\n")

    return on_line


def _deliver(lines: "queue.SimpleQueue[bytes]", on_line: Callable[[str], None] | None, patience: float) -> int:
    """Hand on all lines that are there, after waiting so many seconds for a first one; their bytes."""
    count = 0
    with contextlib.suppress(queue.Empty):
        while True:
            line = lines.get(timeout=patience) if patience and not count else lines.get_nowait()
            count += len(line)
            if on_line is not None:
                on_line(line.decode(errors="replace").rstrip("\n"))
    return count


def _breach(pid: int, limits: Limits, elapsed: float, printed: int) -> Ended:
    if elapsed > limits.wall_seconds:
        return "wall_clock"
    if printed > limits.output_bytes:
        return "output"
    seconds, resident = _used(pid)
    if seconds > limits.cpu_seconds:
        return "cpu"
    return "memory" if resident > limits.memory_bytes else "exited"


def _used(pid: int) -> tuple[float, int]:
    """Processor seconds and resident bytes of a process, zero once it is gone."""
    if sys.platform != "linux":
        import psutil  # not needed where /proc tells: a bare GPU machine may lack it

        try:
            process = psutil.Process(pid)
            times, resident = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            return 0.0, 0
        return times.user + times.system, resident
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return processor_seconds(pid), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")  # proc(5): rss, behind the name
    except OSError:
        return 0.0, 0


def processor_seconds(pid: int) -> float:
    """Processor time of a process of Linux and all its threads, to the nanosecond; /proc tells hundredths only.

    Its clock's number is what clock_getcpuclockid(3) gives. Raises OSError if there is no such process.
    """
    return time.clock_gettime((~pid << 3) | 2)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
