"""The seam between evaluation and whoever isolates its children.

evaluation never starts a process itself: it calls a ``Launch`` that its caller passes in. tasks/ passes the jailed
one; ``python -m evaluation`` passes ``plain_launch``, and its reports then say "unsandboxed".
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import psutil

from evaluation.reports import Report


class Limits(Report):
    """What one child may use before it is ended."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    output_bytes: int = 16 * 2**20  # on stdout, and likewise in any single file


class Exit(Report):
    """How a child ended. Times and peak memory come from the operating system, not from the child."""

    returncode: int
    ended: Literal["exited", "wall_clock", "cpu", "memory", "output", "stopped"]
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    stderr_tail: str  # the last 4,000 characters
    sandbox: dict[str, str]


class Launch(Protocol):
    """Runs ``python *arguments`` with ``folder`` as its working directory and only writable place, and waits.

    ``on_line`` receives each line of the child's stdout as it comes (untrusted text). Returning never means success:
    look at the ``Exit``.
    """

    def __call__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        limits: Limits,
        on_line: Callable[[str], None] | None = None,
    ) -> Exit: ...


def plain_launch(
    arguments: Sequence[str],
    *,
    folder: Path,
    limits: Limits,
    on_line: Callable[[str], None] | None = None,
) -> Exit:
    """Run the child as an ordinary process of this user: wall clock only, no isolation. For files you trust."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        child = psutil.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
        )
        ended: Literal["exited", "wall_clock"] = "exited"
        cpu, peak = 0.0, 0
        try:
            for line in child.stdout:
                if on_line is not None:
                    on_line(line.rstrip("\n"))
                if time.monotonic() - started > limits.wall_seconds:
                    ended = "wall_clock"
                    break
                with_times = child.cpu_times()
                cpu, peak = with_times.user + with_times.system, max(peak, child.memory_info().rss)
            if ended == "exited":
                child.wait(timeout=max(0.1, limits.wall_seconds - (time.monotonic() - started)))
        except psutil.TimeoutExpired:
            ended = "wall_clock"
        except psutil.NoSuchProcess:
            child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        errors.seek(0)
        tail = errors.read().decode(errors="replace")[-4000:]
    return Exit(
        returncode=child.returncode,
        ended=ended,
        wall_seconds=time.monotonic() - started,
        cpu_seconds=cpu,
        peak_bytes=peak,
        stderr_tail=tail,
        sandbox={"sandbox": "off (unsandboxed: run on its own)"},
    )
