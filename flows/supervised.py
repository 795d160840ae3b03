"""Keep a program running: started again when it dies, ended with all that it started when this process is told to.

Run as ``python -m flows.supervised PARENT COMMAND...`` with the number of the process that starts it. A Prefect worker
that is killed leaves its flow runs behind as processes that nobody could cancel. This process inherits them, asks them
to end, and starts the worker again. It ends when its parent does, so that nothing outlives ``archloop up``, however
that ends.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

import psutil

from archdb.shared_server import KEEPER
from tasks.sandbox.privileges import PR_SET_CHILD_SUBREAPER, die_with_parent, prctl

LOOK_SECONDS = 0.2
GRACE_SECONDS = 20.0  # for the program, and then for what it left behind, to end when asked
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0  # seconds before a program that died is started again; doubled each time
LONG_LIFE_SECONDS = 30.0  # after one of these the pause is the first one again


class _Stop:
    """Whether this process was told to end. A signal handler that set a threading.Event could meet its lock held."""

    asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


def supervise(command: Sequence[str]) -> None:
    """Run the command again and again until SIGTERM or SIGINT, then end it and all that it started."""
    stop, pause = _Stop(), FIRST_PAUSE
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.ask)
    while not stop.asked:
        started = time.monotonic()
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=partial(_begin, os.getpid()),
        )
        while program.poll() is None and not stop.asked:
            time.sleep(LOOK_SECONDS)
        _end(program)
        end_left_behind()
        if time.monotonic() - started > LONG_LIFE_SECONDS:
            pause = FIRST_PAUSE
        if not stop.asked:
            print(f"The program ended with code {program.returncode}; it is started again in {pause:g} s.", flush=True)
        until = time.monotonic() + pause
        while not stop.asked and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        pause = min(2 * pause, LAST_PAUSE)


def _begin(parent: int) -> None:
    """In the program's process: Prefect's worker ends by way of SIGINT, which a shell may have had us ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent(parent, signal.SIGTERM)


def _end(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def end_left_behind() -> None:
    """End the orphans that this process has inherited, and what they started.

    Only they are asked: their own children must not end before they know why, or a design would look as if it had
    crashed. Keepers of servers, which other processes share, are left alone.
    """
    orphans = [one for one in psutil.Process().children() if not _is_keeper(one)]
    below = [one for orphan in orphans for one in _below(orphan)]
    for orphan in orphans:
        orphan.terminate()
    for late in psutil.wait_procs(orphans, GRACE_SECONDS)[1]:
        late.kill()
    for late in psutil.wait_procs([*orphans, *below], GRACE_SECONDS)[1]:
        late.kill()


def _below(process: psutil.Process) -> list[psutil.Process]:
    """What a process has started, but for keepers and their servers."""
    try:
        children = [one for one in process.children() if not _is_keeper(one)]
    except psutil.NoSuchProcess:
        return []
    return children + [one for child in children for one in _below(child)]


def _is_keeper(process: psutil.Process) -> bool:
    try:
        return KEEPER in process.cmdline()
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]), signal.SIGTERM)
    supervise(sys.argv[2:])
