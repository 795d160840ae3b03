"""A keeper and its job-to-be: forked ahead of time, they wait for an assignment and then cost no more time for forks.

    fork server -> keeper -> job

The keeper runs trusted code only. It waits for the job, tells its status, and sees to it that nothing outlives it. In
namespaces of their own the keeper is the first process there, which reaps orphans; when it ends, the kernel ends all
that is left. Elsewhere it is made the reaper of all that lies below it.
"""

import contextlib
import os
import signal
import struct
import traceback
from types import FrameType
from typing import NoReturn

import psutil

from tasks.sandbox.job import await_assignment
from tasks.sandbox.namespaces import map_user
from tasks.sandbox.order import Placement
from tasks.sandbox.privileges import CAP_KILL, PR_SET_CHILD_SUBREAPER, die_with_parent, drop_capabilities, prctl

ASSIGNMENT, STATUS = 3, 4  # descriptors of a keeper: the job's socket to the fork server, and for the wait status
NOT_SET_UP = 70  # exit code of a keeper or job that did not get as far as the job's first line


def keep(placed: Placement, server: int) -> NoReturn:
    """Be a keeper, then end. Descriptors 0 to 4 are in place and all others closed; ``server`` is the parent."""
    try:
        _keep(placed, server)
    except BaseException:
        traceback.print_exc()
    os._exit(NOT_SET_UP)


def _keep(placed: Placement, server: int) -> NoReturn:
    job = 0

    def end_job(_number: int, _frame: FrameType | None) -> None:
        if not job:
            os._exit(0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(job, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end_job)
    die_with_parent(server, signal.SIGTERM)
    if placed.mapped:
        map_user(*placed.mapped)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    keeper = os.getpid()
    job = os.fork()
    if not job:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        die_with_parent(keeper)
        os.close(STATUS)
        await_assignment(ASSIGNMENT, placed)
    os.close(ASSIGNMENT)
    if placed.separated:
        drop_capabilities(all_but=CAP_KILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    while True:
        pid, status = os.wait()
        if pid == job:
            os.write(STATUS, struct.pack("i", status))
            _end_orphans(placed.separated)
            os._exit(0)


def _end_orphans(separated: bool) -> None:
    """End whatever the job started and left behind, and wait for it, so that what it used is counted.

    It is our child now, or a child of such a one. In a process namespace of our own it is all that there is.
    """
    me = psutil.Process() if not separated else None
    while True:
        if me is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for orphan in me.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    orphan.kill()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
