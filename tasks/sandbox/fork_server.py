"""The fork server: a process that has imported torch and our code once, and forks a confined child for each order.

Run as ``python -I -B -m tasks.sandbox.fork_server SUPERVISOR`` with an empty environment and, as standard input, a
socket to its supervisor. It holds no secret and runs no design itself. It must stay single-threaded: a fork copies one
thread only, and a lock that another one held would stay locked for ever. It ends, with all that it forked, when the
supervisor does.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tasks.sandbox.confine import Placement, place, plan_view
from tasks.sandbox.keeper import CHANNEL, STATUS, keep
from tasks.sandbox.namespaces import fork_separated
from tasks.sandbox.order import Ending, News, Order
from tasks.sandbox.owner import give, take_back
from tasks.sandbox.privileges import PR_SET_CHILD_SUBREAPER, prctl
from tasks.sandbox.visible import shared

# Modules that designs or torch itself import late: after the fork that would cost each child the time.
PRELOADED = ("evaluation.child", "kernels", "einops", "safetensors.torch", "torch._dynamo", "torch.utils.flop_counter")
OURS = "tasks.sandbox.probe"  # children cannot read this room
FIRST_UID, LAST_UID = 61184, 65519  # kept free for short-lived users by convention: systemd.io/UIDS-GIDS
GRACE_SECONDS = 5.0  # for a keeper to end its job, before the keeper itself is killed
MESSAGE_BYTES = 2**16


@dataclass
class Child:
    """One keeper, as its fork server sees it."""

    keeper: int
    pidfd: int
    channel: socket.socket
    status: int  # the descriptor at which the job's wait status arrives
    placed: Placement
    folder: Path
    kill_at: float | None = None  # when the keeper itself is to be killed; None while its job may run


class ForkServer:
    """Forks a child for each order from ``control`` until its other end is closed or ``supervisor`` ends."""

    def __init__(self, control: socket.socket, supervisor: int) -> None:
        self.control = control
        self.children: list[Child] = []
        self.poll = select.poll()
        self.ready: dict[int, Callable[[], None]] = {}  # descriptor -> what to do when there is something to read
        self.closing = False
        self._watch(control.fileno(), self._take_order)
        self._watch(os.pidfd_open(supervisor), self._close)

    def serve(self) -> None:
        """Return when everything has ended."""
        while self.children or not self.closing:
            for descriptor, _ in self.poll.poll(200):
                if descriptor in self.ready:
                    self.ready[descriptor]()
            now = time.monotonic()
            for child in self.children:
                if child.kill_at is not None and now > child.kill_at:
                    child.kill_at = now + GRACE_SECONDS
                    _kill_tree(child.keeper)

    def _watch(self, descriptor: int, do: Callable[[], None]) -> None:
        self.ready[descriptor] = do
        self.poll.register(descriptor, select.POLLIN)

    def _forget(self, descriptor: int) -> None:
        if self.ready.pop(descriptor, None) is not None:
            self.poll.unregister(descriptor)

    def _close(self) -> None:
        self.closing = True
        for descriptor, do in list(self.ready.items()):
            if do in (self._take_order, self._close):
                self._forget(descriptor)
        for child in self.children:
            self._end(child)

    def _take_order(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self.control, MESSAGE_BYTES, 3)
        if not message:
            self._close()
            return
        channel = socket.socket(fileno=descriptors[0])
        try:
            self._start(Order.model_validate_json(message), channel, *descriptors[1:])
        except OSError as error:  # no room for another process
            _tell(channel, News(ending=Ending(fault=str(error))))
            channel.close()
        for descriptor in descriptors[1:]:
            os.close(descriptor)

    def _start(self, order: Order, channel: socket.socket, stdout: int, stderr: int) -> None:
        placed = place(order, self._free_uid())
        grants = shared(order.profile, order.private)
        if placed.separated:
            plan_view(
                order.profile, order.hidden, order.private
            )  # worked out here, it is there in all children to come
        server = os.getpid()
        status, write_end = os.pipe()
        try:
            if placed.uid:
                give(order.folder, placed.uid)
            keeper = fork_separated() if placed.separated else os.fork()
            if not keeper:
                empty = os.open(os.devnull, os.O_RDONLY)
                _arrange({0: empty, 1: stdout, 2: stderr, CHANNEL: channel.fileno(), STATUS: write_end})
                keep(order, grants, placed, server)
        except OSError:
            os.close(status)
            raise
        finally:
            os.close(write_end)
        child = Child(keeper, os.pidfd_open(keeper), channel, status, placed, order.folder)
        self.children.append(child)
        self._watch(child.pidfd, lambda: self._reap(child))
        self._watch(channel.fileno(), lambda: self._end(child))  # any word of the supervisor's means: end it
        _tell(channel, News(keeper=keeper))

    def _free_uid(self) -> int:
        taken = {child.placed.uid for child in self.children}
        start = FIRST_UID + os.getpid() % 41 * 100  # supervisors that run side by side rarely share a user
        return next(uid for uid in range(start, LAST_UID) if uid not in taken)

    def _end(self, child: Child) -> None:
        self._forget(child.channel.fileno())
        if child.kill_at is None:
            child.kill_at = time.monotonic() + GRACE_SECONDS
            # The end of the first process of a namespace is the end of all; elsewhere the keeper has to do it.
            os.kill(child.keeper, signal.SIGKILL if child.placed.separated else signal.SIGTERM)

    def _reap(self, child: Child) -> None:
        pid, keeper_status, usage = os.wait4(child.keeper, os.WNOHANG)
        if not pid:
            return
        self.children.remove(child)
        self._forget(child.pidfd)
        self._forget(child.channel.fileno())
        if keeper_status:
            self._end_strays()
        told = os.read(child.status, 4)
        ending = Ending(
            status=struct.unpack("i", told)[0] if told else signal.SIGKILL,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * 1024,
        )
        if child.placed.uid:
            take_back(child.folder)
        _tell(child.channel, News(ending=ending))
        child.channel.close()
        os.close(child.status)
        os.close(child.pidfd)

    def _end_strays(self) -> None:
        """A keeper was killed: what it kept is left to us, as we are the reaper of all that lies beneath."""
        keepers = {child.keeper for child in self.children}
        while strays := [one.pid for one in psutil.Process().children() if one.pid not in keepers]:
            for stray in strays:
                _kill_tree(stray)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(stray, 0)


def _tell(channel: socket.socket, news: News) -> None:
    with contextlib.suppress(OSError):  # the supervisor no longer listens
        channel.send(news.model_dump_json(exclude_defaults=True).encode())


def _kill_tree(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for one in (*top.children(recursive=True), top):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def _arrange(wanted: dict[int, int]) -> None:
    """Make ``wanted`` (target -> source) the only open descriptors."""
    high = max(*wanted, *wanted.values()) + 1
    for target, source in wanted.items():
        os.dup2(source, high + target)
    for target in wanted:
        os.dup2(high + target, target)
    os.closerange(max(wanted) + 1, os.sysconf("SC_OPEN_MAX"))


def main() -> None:
    """Import, say hello, and serve."""
    control, supervisor = socket.socket(fileno=0), int(sys.argv[1])
    if os.getppid() != supervisor:
        sys.exit(1)  # it ended while we started
    os.chdir("/")
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for name in (*PRELOADED, OURS):
        importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        sys.exit(f"importing left {threads - 1} more threads running, so forking is not safe")
    gc.collect()
    gc.disable()
    gc.freeze()  # a collection would touch, and so copy, the pages that children share
    control.send(b"ready")
    ForkServer(control, supervisor).serve()


if __name__ == "__main__":
    main()
