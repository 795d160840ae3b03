"""What happens between a fork of the server and the first line of a job.

    fork server -> keeper -> [first process of the namespaces ->] job

The keeper runs trusted code only. It waits for the job, ends whatever the job left behind, and carries its status on.
In namespaces of its own the job gets one more process above it, which does what the first process of a process
namespace must: reap orphans. When that one ends, the kernel ends all that is left in there.
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
from types import FrameType
from typing import NoReturn

import psutil

from tasks.sandbox import confine
from tasks.sandbox.order import Confined, Order, shortfall
from tasks.sandbox.owner import give, take_back
from tasks.sandbox.privileges import PR_SET_CHILD_SUBREAPER, die_with_parent, prctl
from tasks.sandbox.visible import PASSED_ON

CHANNEL, STATUS = 3, 4  # descriptors of the keeper: to the supervisor, and for the raw wait status
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "archloop", "LOGNAME": "archloop"} | dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
BROKEN = 70  # the child could not be set up


def keep(order: Order, uid: int, server: int) -> NoReturn:
    """Be the keeper of one job, then end. Descriptors 1 to 4 are in place and all others closed."""
    first = 0

    def end_all(_number: int, _frame: FrameType | None) -> None:
        if not first:
            os._exit(0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)

    try:
        signal.signal(signal.SIGTERM, end_all)
        die_with_parent(server, signal.SIGTERM)
        os.setsid()
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        layers = confine.separate(order)
        separated = layers["namespaces"].startswith("on")
        die_with_parent(server, signal.SIGTERM)  # entering a user namespace may have made the kernel forget it
        if not separated and not confine.open_to_others(order):
            uid = 0
        if uid:
            give(order.folder, uid)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        keeper = os.getpid()
        first = os.fork()
        if not first:
            _reset_signals()
            die_with_parent(keeper)
            if separated:
                _be_first(order, uid, layers)
            _run(order, uid, keeper, separated, layers)
        os.close(CHANNEL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        status = os.waitpid(first, 0)[1]
        if not separated:
            os.write(STATUS, struct.pack("i", status))
            _end_orphans()
        if uid:
            take_back(order.folder)
    except BaseException:
        traceback.print_exc()
        os._exit(BROKEN)
    os._exit(0)


def _be_first(order: Order, uid: int, layers: confine.Layers) -> None:
    """Return in the job's process; stay, in the process above it, until the job has ended."""
    layers |= confine.rearrange(order)
    job = os.fork()
    if not job:
        die_with_parent(1)
        return
    os.close(CHANNEL)
    confine.put_on(order.model_copy(update={"layers": ("capabilities",)}), uid=0, separated=True)
    while True:
        pid, status = os.wait()
        if pid == job:
            os.write(STATUS, struct.pack("i", status))
            os._exit(0)


def _run(order: Order, uid: int, keeper: int, separated: bool, layers: confine.Layers) -> NoReturn:
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
    layers = confine.put_on(order, uid, separated) | layers
    die_with_parent(parent)  # forgotten when the user changed
    os.chdir(order.folder)
    refused = shortfall(layers, order.required) if order.enforce else ""
    said = Confined(
        layers=layers, keeper=keeper, trusted_levels=int(separated), refused=refused, ready_at=time.monotonic()
    )
    os.write(CHANNEL, said.model_dump_json().encode())  # as a file: the filter refuses whatever is for sockets only
    os.close(CHANNEL)
    code = 0
    if not refused:
        gc.enable()
        try:
            importlib.import_module(order.module).main(order.mode)
        except SystemExit as end:
            code = _code(end)
        except BaseException:
            traceback.print_exc()
            code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _reset_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python itself has it
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
