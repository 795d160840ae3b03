"""One child as its fork server sees it: a keeper, the job below it, and the descriptors that lead to them."""

import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from tasks.sandbox.job import arrange
from tasks.sandbox.keeper import ASSIGNMENT, STATUS, keep
from tasks.sandbox.namespaces import fork_separated
from tasks.sandbox.order import Placement


@dataclass
class Child:
    """A keeper whose job waits for an assignment, or has one."""

    keeper: int
    placed: Placement
    pidfd: int
    status: int  # the descriptor at which the job's wait status arrives
    assignment: socket.socket
    channel: socket.socket | None = None  # to the supervisor, once there is an order
    uid: int = 0
    folder: Path = Path("/")
    kill_at: float | None = None  # when the keeper itself is to be killed; None while its job may run

    @classmethod
    def fork(cls, placed: Placement) -> "Child":
        """Fork a keeper, which forks the job. Raises OSError if the system does not allow it."""
        server = os.getpid()
        status, write_end = os.pipe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            keeper = fork_separated() if placed.separated else os.fork()
            if not keeper:
                empty = os.open(os.devnull, os.O_RDWR)
                arrange({0: empty, 1: empty, 2: 2, ASSIGNMENT: theirs.fileno(), STATUS: write_end})
                keep(placed, server)
        except OSError:
            os.close(status)
            ours.close()
            raise
        finally:
            os.close(write_end)
            theirs.close()
        return cls(keeper, placed, os.pidfd_open(keeper), status, ours)

    def end(self) -> None:
        """Tell the keeper to end the job and all that it started."""
        os.kill(self.keeper, signal.SIGTERM)

    def close(self) -> None:
        """Let go of the descriptors of a child that has ended."""
        for end in (self.assignment, self.channel):
            if end is not None:
                end.close()
        os.close(self.status)
        os.close(self.pidfd)


def end_tree(pid: int) -> None:
    """Kill a process and all below it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for one in (*top.children(recursive=True), top):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
