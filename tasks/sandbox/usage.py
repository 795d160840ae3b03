"""What a running child and all that it started use: memory, CPU time, processes, and disk that no folder shows."""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

from evaluation import Used, processor_seconds

TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """Of a tree of processes at one moment."""

    memory_bytes: int  # resident, shared maps included; pages that processes share are counted for each
    cpu_seconds: float  # of the living, and of the dead whom they have waited for
    processes: tuple[int, ...]
    threads: int
    unlinked_bytes: int  # on disk, in files that have no name any more but are held open


def usage_below(pid: int) -> Usage:
    """What the descendants of ``pid`` use, ``pid`` itself not counted, in whatever process namespace they are.

    Libraries are counted once, for the first process; what a process has written or shares, for each.
    """
    level = _children(pid)
    memory, cpu, threads = 0, 0.0, 0
    unlinked: dict[tuple[int, int], int] = {}
    counted: list[int] = []
    while level:
        for one in level:
            with contextlib.suppress(OSError, IndexError, ValueError, KeyError):
                sizes = _status(one)
                fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
                memory += sizes["VmRSS"] if not counted else sizes["RssAnon"] + sizes["RssShmem"]
                cpu += sum(int(field) for field in fields[11:15]) / TICKS
                threads += sizes["Threads"]
                unlinked |= _unlinked(one)
                counted.append(one)
        level = [child for one in level for child in _children(one)]
    return Usage(memory, cpu, tuple(counted), threads, sum(unlinked.values()))


def used_below(pid: int) -> Used:
    """Processor seconds, to the nanosecond, and resident bytes of the living descendants of ``pid``."""
    cpu, memory = 0.0, 0
    level = _children(pid)
    while level:
        for one in level:
            with contextlib.suppress(OSError, KeyError, ValueError):
                cpu += processor_seconds(one)
                memory += _status(one)["VmRSS"]
        level = [child for one in level for child in _children(one)]
    return Used(cpu, memory)


def memory_together(pids: Iterable[int]) -> int:
    """Memory of several processes, a page that some share being counted once. Takes milliseconds for each."""
    memory = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    memory += 1024 * int(line.split()[1])
    return memory


def _unlinked(pid: int) -> dict[tuple[int, int], int]:
    """Size on disk of each nameless file that a process holds open."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            facts = os.stat(f"/proc/{pid}/fd/{name}")
            if stat.S_ISREG(facts.st_mode) and not facts.st_nlink:
                found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return found


def _status(pid: int) -> dict[str, int]:
    """Sizes in bytes, and the number of threads, of a process that is not a zombie."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if line.endswith(" kB"):
            found[name] = 1024 * int(value.split()[0])
        elif name == "Threads":
            found[name] = int(value)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except FileNotFoundError:
        if os.path.exists(f"/proc/{pid}/stat") and not os.path.exists("/proc/thread-self/children"):
            return [child.pid for child in psutil.Process(pid).children()]  # a kernel without that file
    except ProcessLookupError:
        pass
    return found
