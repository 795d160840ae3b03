"""A launch that forks this process, which has torch already: a run of one or two ranks takes a second instead of ten.

It ends like the real one, which other tests use: the first rank that fails ends the others and gives the exit code.
"""

import contextlib
import os
import select
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch._dynamo  # noqa: F401  (the optimiser would import it in every fork)

import kernels  # noqa: F401
from evaluation import Exit, Limits
from evaluation.jobs import JOB_FILE
from evaluation.large import child as _child
from evaluation.large.child import losses, training  # noqa: F401  (loaded before any fork)
from evaluation.large.jobs import RunJob


def forked_launch(
    module: str, mode: str, *, folder: Path, limits: Limits, on_line: Callable[[str], None] | None = None, **_: object
) -> Exit:
    """Run ``mode`` of ``evaluation.large.child`` in forks of this process."""
    assert module == _child.__name__
    workers = RunJob.model_validate_json((folder / JOB_FILE).read_text()).workers if mode == "train" else 1
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as errors:
        pids = [_fork(mode, folder, rank, workers, port, writing, errors.fileno()) for rank in range(workers)]
        os.close(writing)
        try:
            code = _wait(reading, set(pids), on_line, started + limits.wall_seconds)
        finally:
            os.close(reading)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
        errors.seek(0)
        tail = errors.read().decode()[-4000:]
    spent = time.monotonic() - started
    return Exit(
        returncode=code,
        ended="exited",
        wall_seconds=spent,
        cpu_seconds=spent,
        peak_bytes=1,
        stderr_tail=tail,
        sandbox={"sandbox": "off"},
    )


def _fork(mode: str, folder: Path, rank: int, workers: int, port: int, stdout: int, stderr: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        import sys

        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        os.chdir(folder)
        if workers > 1:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(workers)}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        _child.main("rank" if workers > 1 else mode)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(reading: int, running: set[int], on_line: Callable[[str], None] | None, until: float) -> int:
    """The first exit code that is not 0, once it is there; 0 once all have ended well."""
    waiting = b""
    while True:
        assert time.monotonic() < until, "the ranks hang"
        if select.select([reading], [], [], 0.01)[0] and (more := os.read(reading, 65_536)):
            *lines, waiting = (waiting + more).split(b"\n")
            for line in lines:
                if on_line is not None:
                    on_line(line.decode())
            continue
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.remove(pid)
                if status:
                    return os.waitstatus_to_exitcode(status)
        if not running:
            return 0
