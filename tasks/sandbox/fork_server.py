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
import pwd
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable

import psutil

from tasks.sandbox.child import Child, end_tree
from tasks.sandbox.confine import place, prepare
from tasks.sandbox.folder import give, take_back
from tasks.sandbox.order import MESSAGE_BYTES, Assignment, Ending, News, Order, Placement
from tasks.sandbox.privileges import PR_SET_CHILD_SUBREAPER, prctl

# Modules that designs or torch itself import late: after the fork that would cost each child the time.
PRELOADED = ("evaluation.child", "kernels", "einops", "safetensors.torch", "torch._dynamo", "torch.utils.flop_counter")
OURS = "tasks.sandbox.run_file"  # children cannot read this room
FIRST_UID, LAST_UID = 61184, 65519  # kept free for short-lived users by convention: systemd.io/UIDS-GIDS
GRACE_SECONDS = 5.0  # for a keeper to end its job, before the keeper itself is killed


class ForkServer:
    """Forks a child for each order from ``control`` until its other end is closed or ``supervisor`` ends."""

    def __init__(self, control: socket.socket, supervisor: int) -> None:
        self.control = control
        self.children: list[Child] = []
        self.spare: Child | None = None
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
                    end_tree(child.keeper)

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
        message, descriptors, _, _ = socket.recv_fds(self.control, MESSAGE_BYTES, 4)
        if not message:
            self._close()
            return
        channel = socket.socket(fileno=descriptors[0])
        order = Order.model_validate_json(message)
        try:
            placed = place(order, self._free_uid())
            if placed.uid:
                give(order.folder, placed.uid)
            child = self._waiting(order, placed._replace(uid=0))
        except OSError as error:  # no room for another process, or no such folder
            _tell(channel, News(ending=Ending(fault=str(error))))
            channel.close()
        else:
            child.uid, child.folder, child.channel = placed.uid, order.folder, channel
            self._watch(channel.fileno(), lambda: self._end(child))
            _tell(channel, News(keeper=child.keeper))
            assignment = Assignment(order=order, uid=placed.uid).model_dump_json().encode()
            with contextlib.suppress(OSError):  # it has just died; its end will be told
                socket.send_fds(child.assignment, [assignment], descriptors)
            if order.enforce and self.spare is None:
                with contextlib.suppress(OSError):  # no room; the next order will try again
                    self.spare = self._fork(child.placed)
        for descriptor in descriptors[1:]:
            os.close(descriptor)

    def _waiting(self, order: Order, placed: Placement) -> Child:
        """A child that waits for an assignment: the spare one, if it fits. Raises OSError."""
        known, spare, self.spare = prepare(order), self.spare, None
        if spare is not None and known and spare.placed == placed:
            return spare
        if spare is not None:
            self._end(spare)  # forked before we knew what this order needs, or for other layers
        return self._fork(placed)

    def _fork(self, placed: Placement) -> Child:
        """A child that waits for its assignment. Raises OSError if the system does not let us have one."""
        child = Child.fork(placed)
        self.children.append(child)
        self._watch(child.pidfd, lambda: self._reap(child))
        return child

    def _free_uid(self) -> int:
        taken = {child.uid for child in self.children}
        start = FIRST_UID + os.getpid() % 41 * 100  # supervisors that run side by side rarely share a user
        return next(uid for uid in range(start, LAST_UID) if uid not in taken and not _has_name(uid))

    def _end(self, child: Child) -> None:
        """End a child because its supervisor said anything, or left, or all is to end."""
        if child.channel is not None:
            self._forget(child.channel.fileno())
            with contextlib.suppress(OSError):  # a word left unread would make the kernel drop our answer
                child.channel.recv(MESSAGE_BYTES, socket.MSG_DONTWAIT)
        if child.kill_at is None:
            child.kill_at = time.monotonic() + GRACE_SECONDS
            child.end()

    def _reap(self, child: Child) -> None:
        pid, keeper_status, usage = os.wait4(child.keeper, os.WNOHANG)
        if not pid:
            return
        self.children.remove(child)
        self._forget(child.pidfd)
        if child is self.spare:
            self.spare = None
        if keeper_status:
            self._end_strays()
        if child.uid:
            take_back(child.folder)
        if child.channel is not None:
            self._forget(child.channel.fileno())
            told = os.read(child.status, 4)
            ending = Ending(
                status=struct.unpack("i", told)[0] if told else signal.SIGKILL,
                cpu_seconds=usage.ru_utime + usage.ru_stime,
                peak_bytes=usage.ru_maxrss * 1024,
            )
            _tell(child.channel, News(ending=ending))
        child.close()

    def _end_strays(self) -> None:
        """A keeper was killed: what it kept is left to us, as we are the reaper of all that lies beneath."""
        keepers = {child.keeper for child in self.children}
        while strays := [one.pid for one in psutil.Process().children() if one.pid not in keepers]:
            for stray in strays:
                end_tree(stray)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(stray, 0)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _tell(channel: socket.socket, news: News) -> None:
    with contextlib.suppress(OSError):  # the supervisor no longer listens
        channel.send(news.model_dump_json(exclude_defaults=True).encode())


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
    os._exit(0)  # unloading torch would take a second, in which the supervisor waits for us


if __name__ == "__main__":
    main()
