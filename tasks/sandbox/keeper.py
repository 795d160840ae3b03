"""What happens between a fork of the server and the first line of a job.

    fork server -> keeper -> job

The keeper runs trusted code only. It waits for the job, tells its status, and sees to it that nothing outlives it. In
namespaces of their own the keeper is the first process there: it reaps orphans, and when it ends, the kernel ends all
that is left. Elsewhere orphans become the keeper's children, and it ends them itself.
"""

import contextlib
import gc
import importlib
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import psutil

from tasks.sandbox import confine
from tasks.sandbox.confine import Layers, Placement
from tasks.sandbox.namespaces import map_user
from tasks.sandbox.order import Confined, News, Order, shortfall
from tasks.sandbox.privileges import PR_SET_CHILD_SUBREAPER, die_with_parent, drop_capabilities, prctl
from tasks.sandbox.visible import PASSED_ON, Grant

CHANNEL, STATUS = 3, 4  # descriptors of the keeper: to the supervisor, and for the job's wait status
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "archloop", "LOGNAME": "archloop"} | dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
NOT_SET_UP = 70  # exit code of a keeper or job that did not get as far as the job's first line


def keep(order: Order, grants: Sequence[Grant], placed: Placement, server: int) -> NoReturn:
    """Be the keeper of one job, then end. Descriptors 0 to 4 are in place and all others closed.

    Args:
        order: what to run.
        grants: what every child may open.
        placed: what the fork server decided about this one.
        server: the parent's process number.
    """
    try:
        (_keep_separated if placed.separated else _keep_here)(order, grants, placed, server)
    except BaseException:
        traceback.print_exc()
    os._exit(NOT_SET_UP)


def _keep_separated(order: Order, grants: Sequence[Grant], placed: Placement, server: int) -> NoReturn:
    die_with_parent(server)
    if placed.mapped:
        map_user(*placed.mapped)
    layers = confine.rearrange(order, mapped=placed.mapped is not None)
    job = os.fork()
    if not job:
        die_with_parent(1)
        _run(order, grants, placed, layers)
    os.close(CHANNEL)
    drop_capabilities()
    while True:
        pid, status = os.wait()
        if pid == job:
            os.write(STATUS, struct.pack("i", status))
            os._exit(0)


def _keep_here(order: Order, grants: Sequence[Grant], placed: Placement, server: int) -> NoReturn:
    job = 0

    def end_job(_number: int, _frame: FrameType | None) -> None:
        if not job:
            os._exit(0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(job, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end_job)
    die_with_parent(server, signal.SIGTERM)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    keeper = os.getpid()
    job = os.fork()
    if not job:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        die_with_parent(keeper)
        _run(order, grants, placed, {})
    os.close(CHANNEL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    status = os.waitpid(job, 0)[1]
    os.write(STATUS, struct.pack("i", status))
    _end_orphans()
    os._exit(0)


def _end_orphans() -> None:
    """End whatever the job started and left behind: it is our child now, or a child of such a one."""
    me = psutil.Process()
    while True:
        for orphan in me.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _run(order: Order, grants: Sequence[Grant], placed: Placement, layers: Layers) -> NoReturn:
    """Put on the layers, report them, and run the job."""
    os.close(STATUS)
    os.setsid()
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    os.environ.clear()
    os.environ.update(ENVIRONMENT, **passed, HOME=str(order.folder), TMPDIR=str(order.folder))
    if order.profile == "train":
        for name in ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
            os.environ[name] = str(order.folder / "cache")
    os.umask(0o077)
    parent = os.getppid()
    layers = confine.put_on(order, grants, placed) | layers
    die_with_parent(parent)  # the kernel forgot it when the user changed
    os.chdir(order.folder)
    refused = shortfall(layers, order.required) if order.enforce else ""
    said = News(confined=Confined(layers=layers, refused=refused, ready_at=time.monotonic()))
    os.write(CHANNEL, said.model_dump_json().encode())  # as a file: the filter refuses what is for sockets only
    os.close(CHANNEL)
    os._exit(0 if refused else _job(order))


def _job(order: Order) -> int:
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
