"""The process that runs a job: it waits for its assignment, confines itself, says so, and runs ``main(mode)``."""

import contextlib
import gc
import importlib
import os
import socket
import sys
import tempfile
import time
import traceback
from typing import NoReturn

from tasks.sandbox import confine
from tasks.sandbox.order import MESSAGE_BYTES, Assignment, Confined, News, Order, Placement, shortfall
from tasks.sandbox.privileges import die_with_parent
from tasks.sandbox.visible import PASSED_ON

CHANNEL = 3  # descriptor of the way to the supervisor, closed before the job's first line
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "archloop", "LOGNAME": "archloop"} | dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)


def await_assignment(descriptor: int, placed: Placement) -> NoReturn:
    """Wait at a socket for an assignment, and carry it out in this process.

    With it come its channel, stdout and stderr, and a stdin if it is to be asked things.
    """
    with socket.socket(fileno=descriptor) as waiting:
        message, descriptors, _, _ = socket.recv_fds(waiting, MESSAGE_BYTES, 4)
    if not message:
        os._exit(0)  # the fork server has ended
    channel, stdout, stderr, *stdin = descriptors
    arrange({1: stdout, 2: stderr, CHANNEL: channel} | dict(enumerate(stdin)), keep=(0,))
    assigned = Assignment.model_validate_json(message)
    _confine(assigned.order, placed._replace(uid=assigned.uid))
    os._exit(_run(assigned.order))


def arrange(wanted: dict[int, int], keep: tuple[int, ...] = ()) -> None:
    """Make ``wanted`` (target -> source) and ``keep`` the only open descriptors; all are small numbers in a row."""
    high = max(*wanted, *wanted.values()) + 1
    for target, source in wanted.items():
        os.dup2(source, high + target)
    for target in wanted:
        os.dup2(high + target, target)
    os.closerange(max(*wanted, *keep, 0) + 1, os.sysconf("SC_OPEN_MAX"))


def _confine(order: Order, placed: Placement) -> None:
    """Put on the layers and report them; end here if they are below the minimum."""
    os.setsid()
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    os.environ.clear()
    os.environ.update(ENVIRONMENT, **passed, HOME=str(order.folder), TMPDIR=str(order.folder))
    if order.profile == "train":
        for name in ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
            os.environ[name] = str(order.folder / "cache")
    tempfile.tempdir = None  # what it remembers is the fork server's
    parent = os.getppid()
    layers = confine.put_on(order, placed)
    die_with_parent(parent)  # the kernel forgot it when the user changed
    os.chdir(order.folder)
    os.umask(0o077)
    refused = shortfall(layers, order.required) if order.enforce else ""
    said = News(confined=Confined(layers=layers, refused=refused, ready_at=time.monotonic()))
    os.write(CHANNEL, said.model_dump_json().encode())  # as a file: the filter refuses what is for sockets only
    os.close(CHANNEL)
    if refused:
        os._exit(0)


def _run(order: Order) -> int:
    """Run the job as Python would run a program; its exit code."""
    code = 0
    gc.enable()
    try:
        importlib.import_module(order.module).main(order.mode)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    return code & 0xFF
