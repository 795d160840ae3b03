"""Getting at other processes, outliving one's own end, and being more than one should be."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from tests.sandbox.arena import Arena, Unsuited
from tests.sandbox.attacks import attack

SOON = 1.0  # seconds within which a signal reaches a process on a busy machine


@attack("read the environment of every process")
def environments(arena: Arena) -> str:
    arena.start_neighbour()
    arena.run(
        "import glob\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try:\n"
        "        data = open(path).read()\n"
        "    except OSError:\n"
        "        continue\n"
        "    if 'canary-' in data: open('loot', 'a').write(data)\n"
    )
    return arena.loot()


@attack("find a secret in the environment that one was started with")
def own_environment(arena: Arena) -> str:
    os.environ["ARENA_SECRET"] = arena.secret
    try:
        arena.run("import os; open('loot', 'w').write(str(os.environ) + open('/proc/self/environ').read())")
    finally:
        del os.environ["ARENA_SECRET"]
    return arena.loot()


@attack("read another process's memory through /proc")
def memory_by_proc(arena: Arena) -> str:
    pid = arena.start_neighbour()
    arena.run(
        f"memory = open('/proc/{pid}/mem', 'rb')\n"
        f"memory.seek({arena.address})\n"
        "open('loot', 'wb').write(memory.read(60))\n"
    )
    return arena.loot()


@attack("read another process's memory by process_vm_readv")
def memory_by_call(arena: Arena) -> str:
    pid = arena.start_neighbour()
    arena.run(
        "import ctypes\n"
        "buffer = ctypes.create_string_buffer(60)\n"
        "here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 60)\n"
        f"there = (ctypes.c_size_t * 2)({arena.address}, 60)\n"
        f"ctypes.CDLL(None).process_vm_readv({pid}, here, 1, there, 1, 0)\n"
        "open('loot', 'wb').write(buffer.raw)\n"
    )
    return arena.loot()


@attack("trace another process")
def trace(arena: Arena) -> str:
    pid = arena.start_neighbour()

    def look(_: list[int]) -> str:
        status = Path(f"/proc/{pid}/status").read_text()
        return "" if "TracerPid:\t0\n" in status else "the neighbour is traced"

    arena.run(f"import ctypes, time; ctypes.CDLL(None).ptrace(0x4206, {pid}, 0, 0); time.sleep(0.3)", look=look)
    return arena.seen


@attack("end another process by a signal")
def kill(arena: Arena) -> str:
    pid = arena.start_neighbour()
    arena.run(f"import os, signal; os.kill({pid}, signal.SIGKILL)")
    assert arena.neighbour is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
        arena.neighbour.wait(SOON)
    return "" if arena.neighbour.returncode is None else "the neighbour is dead"


@attack("stop another process by a signal to a descriptor of it")
def kill_by_descriptor(arena: Arena) -> str:
    pid = arena.start_neighbour()
    arena.run(f"import os, signal; signal.pidfd_send_signal(os.pidfd_open({pid}), signal.SIGSTOP)")
    last = time.monotonic() + SOON
    while not (stopped := psutil.Process(pid).status() == psutil.STATUS_STOPPED) and time.monotonic() < last:
        time.sleep(0.01)
    os.kill(pid, signal.SIGCONT)
    return "the neighbour stands still" if stopped else ""


@attack("make another process slow")
def renice(arena: Arena) -> str:
    pid = arena.start_neighbour()
    arena.run(f"import os; os.setpriority(os.PRIO_PROCESS, {pid}, 19)")
    return "the neighbour's priority was changed" if psutil.Process(pid).nice() == 19 else ""


@attack("tie another process to one core")
def affinity(arena: Arena) -> str:
    pid = arena.start_neighbour()
    cores = psutil.Process(pid).cpu_affinity()
    if len(cores) < 2:
        raise Unsuited("there is but one core")
    arena.run(f"import os; os.sched_setaffinity({pid}, {{{cores[0]}}})")
    return "the neighbour is tied" if len(psutil.Process(pid).cpu_affinity()) == 1 else ""


@attack("take another process's right to open files")
def foreign_limits(arena: Arena) -> str:
    pid = arena.start_neighbour()
    arena.run(f"import resource; resource.prlimit({pid}, resource.RLIMIT_NOFILE, (3, 3))")
    return "the neighbour's limit was changed" if psutil.Process(pid).rlimit(psutil.RLIMIT_NOFILE)[0] == 3 else ""


@attack("start processes without end")
def fork_bomb(arena: Arena) -> str:
    many = 400
    arena.run(
        f"import os, time\nfor _ in range({many}):\n"
        "    if not os.fork():\n        os.closerange(0, 3)\n        time.sleep(9)\n        os._exit(0)\n"
        "time.sleep(0.3)\n",
        profile="train",
        look=lambda pids: f"{len(pids)} processes at a time" if len(pids) > many * 0.75 else "",
    )
    return arena.seen


@attack("start threads without end")
def thread_bomb(arena: Arena) -> str:
    many = 3000

    def look(pids: list[int]) -> str:
        threads = sum(psutil.Process(pid).num_threads() for pid in pids)
        return f"{threads} threads at a time" if threads > many * 0.9 else ""

    arena.run(
        "import os, threading, time\n"
        "threading.stack_size(65536)\n"
        f"for _ in range({many}): threading.Thread(target=time.sleep, args=(9,)).start()\n"
        "time.sleep(0.3)\n"
        "os._exit(0)\n",
        look=look,
    )
    return arena.seen


@attack("stay behind as a daemon")
def daemon(arena: Arena) -> str:
    arena.run(
        "import os, signal, time\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    for number in range(1, 64):\n"
        "        try: signal.signal(number, signal.SIG_IGN)\n"
        "        except (OSError, ValueError): pass\n"
        "    os.closerange(0, 20)\n"
        "    time.sleep(15)\n"
        "    os._exit(0)\n"
        "time.sleep(0.2)\n",
        profile="train",
    )
    time.sleep(0.1)
    return "the daemon lives" if arena.at_work() else ""


@attack("end the process that watches over one's own, and go on", control=False)
def kill_keeper(arena: Arena) -> str:
    arena.run(
        "import ctypes, os, signal, time\n"
        "if not os.fork():\n"
        "    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n"  # no signal when the parent ends
        "    os.setsid()\n"
        "    time.sleep(15)\n"
        "    os._exit(0)\n"
        "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n"
        "os.kill(os.getppid(), signal.SIGKILL)\n"
        "time.sleep(0.3)\n",
        profile="train",
    )
    time.sleep(0.1)
    return "something lives on" if arena.at_work() else ""


@attack("run another program where none is needed")
def run_program(arena: Arena) -> str:
    sleep = os.path.realpath(shutil.which("sleep") or "")
    if not os.path.isfile(sleep):
        raise Unsuited("there is no program sleep")

    def look(pids: list[int]) -> str:
        running = [os.readlink(f"/proc/{pid}/exe") for pid in pids]
        return f"{sleep} runs" if sleep in running else ""

    arena.run(f"import os; os.execv({sleep!r}, ['sleep', '0.5'])", look=look)
    return arena.seen


def capabilities(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text().split("CapEff:")[1].split()[0]


@attack("become root by a program that is set to run as root")
def setuid_program(arena: Arena) -> str:
    programs = [path for name in ("su", "passwd", "newgrp") if (path := shutil.which(name))]
    rooted = [path for path in programs if os.stat(path).st_mode & 0o4000 and os.stat(path).st_uid == 0]
    if not rooted:
        raise Unsuited("there is no such program")

    def look(_: list[int]) -> str:
        for one in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if one.name() == os.path.basename(rooted[0]) and int(capabilities(one.pid), 16):
                    return f"{rooted[0]} runs with capabilities"
        return ""

    arena.run(
        "import os, subprocess, time\n"
        "read_end, write_end = os.pipe()\n"  # never answered: the program waits for its password
        f"program = subprocess.Popen([{rooted[0]!r}], stdin=read_end, stderr=subprocess.DEVNULL)\n"
        "time.sleep(0.5)\n"
        "program.kill()\n",
        profile="train",
        look=look,
    )
    return arena.seen


@attack("leave a program behind that runs with the supervisor's rights")
def setuid_leftover(arena: Arena) -> str:
    arena.run("open('run-me', 'w').write('#!/bin/sh'); import os; os.chmod('run-me', 0o4755)")
    with contextlib.suppress(FileNotFoundError):
        facts = (arena.folder / "run-me").stat()
        if facts.st_mode & 0o4000 and facts.st_uid == os.geteuid():
            return "the program is there"
    return ""
