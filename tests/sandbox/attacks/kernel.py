"""Reaching for parts of the kernel that no design needs."""

import contextlib
import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

from tasks.sandbox.syscalls import numbers_of
from tests.sandbox.arena import Arena, Look, Unsuited
from tests.sandbox.attacks import attack

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000


def call(name: str, *arguments: str) -> str:
    """Python text that makes a system call."""
    number = numbers_of(platform.machine())[name]
    return f"ctypes.CDLL(None, use_errno=True).syscall({', '.join([str(number), *arguments])})"


def holds(kind: str) -> Look:
    def look(pids: list[int]) -> str:
        for pid in pids:
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if kind in os.readlink(f"/proc/{pid}/fd/{name}"):
                        return f"the child holds {kind}"
        return ""

    return look


@attack("set up io_uring, which opens and sends past other filters")
def io_uring(arena: Arena) -> str:
    if Path("/proc/sys/kernel/io_uring_disabled").exists() and int(
        Path("/proc/sys/kernel/io_uring_disabled").read_text()
    ):
        raise Unsuited("io_uring is off on this machine")
    ring = call("io_uring_setup", "4", "ctypes.create_string_buffer(120)")
    arena.run(f"import ctypes, time; {ring}; time.sleep(0.3)", look=holds("io_uring"))
    return arena.seen


@attack("handle one's own page faults, a tool of kernel exploits")
def userfaultfd(arena: Arena) -> str:
    faults = call("userfaultfd", "1")
    arena.run(f"import ctypes, time; {faults}; time.sleep(0.3)", look=holds("userfaultfd"))
    return arena.seen


@attack("load a program into the kernel")
def bpf(arena: Arena) -> str:
    if os.geteuid() != 0:
        raise Unsuited("only root may")
    # BPF_MAP_CREATE of an array: key 4, value 4, one entry
    made = call("bpf", "0", "(ctypes.c_uint32 * 32)(2, 4, 4, 1)", "128")
    arena.run(f"import ctypes, time; {made}; time.sleep(0.3)", look=holds("bpf-map"))
    return arena.seen


@attack("watch the machine's events")
def perf(arena: Arena) -> str:
    paranoid = Path("/proc/sys/kernel/perf_event_paranoid")
    if not paranoid.exists() or (os.geteuid() != 0 and int(paranoid.read_text()) > 2):
        raise Unsuited("this user may not")
    # a software counter of one's own task: PERF_TYPE_SOFTWARE, size 112, without the kernel's part
    made = call("perf_event_open", "(ctypes.c_uint64 * 14)(1 | 112 << 32, 0, 0, 0, 0, 0x60)", "0", "-1", "-1", "0")
    arena.run(f"import ctypes, time; {made}; time.sleep(0.3)", look=holds("perf_event"))
    return arena.seen


@attack("be administrator of a new user namespace")
def user_namespace(arena: Arena) -> str:
    return _new_namespace(arena, "user", NEW_USER)


@attack("leave for another network namespace")
def network_namespace(arena: Arena) -> str:
    return _new_namespace(arena, "net", NEW_USER | NEW_NETWORK)


def _new_namespace(arena: Arena, kind: str, flags: int) -> str:
    probe = subprocess.run([sys.executable, "-c", f"import ctypes, os; os._exit(-ctypes.CDLL(None).unshare({flags}))"])
    if probe.returncode:
        raise Unsuited("this system allows no user namespaces")
    first: dict[int, str] = {}

    def look(pids: list[int]) -> str:
        for pid in pids:
            now = os.readlink(f"/proc/{pid}/ns/{kind}")
            if first.setdefault(pid, now) != now:
                return f"the child moved from {first[pid]} to {now}"
        return ""

    arena.run(
        f"import ctypes, time\ntime.sleep(0.3)\n{call('unshare', str(flags))}\ntime.sleep(0.3)\n",
        look=look,
    )
    return arena.seen


@attack("mount something over a folder that others use")
def mount(arena: Arena) -> str:
    if os.geteuid() != 0:
        raise Unsuited("only root may")
    place = arena.other
    before = place.stat().st_dev
    arena.run(f"import ctypes; ctypes.CDLL(None).mount(b'none', {str(place).encode()!r}, b'tmpfs', 0, None)")
    if place.stat().st_dev == before:
        return ""
    os.system(f"umount {place}")
    return "another file system lies over the folder"


@attack("see the whole disk from a new root folder")
def chroot(arena: Arena) -> str:
    if os.geteuid() != 0:
        raise Unsuited("only root may")

    def look(pids: list[int]) -> str:
        return next((f"root is {root}" for pid in pids if "other" in (root := os.readlink(f"/proc/{pid}/root"))), "")

    arena.run(f"import os, time; os.chroot({str(arena.other)!r}); time.sleep(0.3)", look=look)
    return arena.seen


@attack("leave a key in the kernel's keyring")
def keyring(arena: Arena) -> str:
    if not Path("/proc/keys").exists():
        raise Unsuited("this kernel has no keyrings")
    name = arena.secret
    key = call("add_key", "b'user'", f"b'{name}'", "b'weights'", "7", "-4")
    arena.run(f"import ctypes, time; {key}; time.sleep(0.3)")
    for line in Path("/proc/keys").read_text().splitlines():
        if name in line:
            invalidate = numbers_of(platform.machine())["keyctl"], 21, int(line.split()[0], 16)
            ctypes.CDLL(None).syscall(*invalidate)
            return "the key is there"
    return ""


@attack("leave a shared memory segment behind")
def sysv_memory(arena: Arena) -> str:
    key = 0x41000000 | int(arena.secret[-6:], 16)
    shared = call("shmget", str(key), "4096", str(0o1666))
    arena.run(f"import ctypes; {shared}")
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        if int(line.split()[0]) == key:
            os.system(f"ipcrm -M {key}")
            return "the segment is there"
    return ""


@attack("pass a file to the next experiment through /dev/shm")
def dev_shm(arena: Arena) -> str:
    file = Path("/dev/shm") / arena.secret
    if not file.parent.is_dir():
        raise Unsuited("there is no /dev/shm")
    try:
        arena.run(f"open({str(file)!r}, 'w').write('weights')")
        return "the file is there" if file.exists() else ""
    finally:
        file.unlink(missing_ok=True)


@attack("write one's whole memory to disk as a core dump")
def core_dump(arena: Arena) -> str:
    if Path("/proc/sys/kernel/core_pattern").read_text().startswith(("|", "/")):
        raise Unsuited("this machine keeps core dumps elsewhere")
    arena.run(
        "import os, resource\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
        "os.abort()\n"
    )
    cores = [path for path in arena.folder.iterdir() if path.name.startswith("core") and path.stat().st_size > 4096]
    return f"a core of {cores[0].stat().st_size} bytes" if cores else ""
