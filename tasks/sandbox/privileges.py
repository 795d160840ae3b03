"""What a child may no longer do for being who it is: its user, its capabilities, its resource limits."""

import ctypes
import os
import resource
import signal
from collections.abc import Mapping

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3 of linux/capability.h
CAP_KILL, CAP_SYS_ADMIN = 5, 21

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Linux prctl(2) with one argument. Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"prctl {option}")


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Be sent a signal when the parent ends. The kernel forgets this when the user or the capabilities change."""
    prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() not in (parent, 0):  # 0: the parent lives outside of our process namespace
        os._exit(1)  # it ended before the signal was armed


def effective_capabilities() -> int:
    """The bit mask of what this process may do beyond an ordinary user."""
    return int(own_status()["CapEff"], 16)


def own_status() -> dict[str, str]:
    """The fields of /proc/self/status."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def become(uid: int) -> None:
    """Turn from root into the ordinary user and group ``uid``, without supplementary groups. Raises OSError."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    prctl(PR_SET_DUMPABLE, 1)  # otherwise /proc/self belongs to root; there is no secret in this memory


def empty_bounding_set() -> None:
    """Give up every capability for all programs to come. Must precede ``become``. Raises OSError."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        prctl(PR_CAPBSET_DROP, capability)


def forbid_new_privileges() -> None:
    """No program that this process runs from now on gets more rights than it has. Raises OSError."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities(all_but: int | None = None) -> None:
    """Give up every capability but one or none, and any way to regain one by running a program. Raises OSError."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    kept = 0 if all_but is None else effective_capabilities() & 1 << all_but
    sets = (ctypes.c_uint32 * 6)(kept, kept)  # effective, permitted, inheritable; then those above number 31
    if _libc.capset(header, sets) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "capset")
    forbid_new_privileges()


def limit_resources(limits: Mapping[str, int]) -> None:
    """Set limits named as in ``resource.RLIMIT_*``, never above the hard ones in force. Raises OSError."""
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # After the soft limit on CPU time comes a signal that a child may ignore; after the hard one comes SIGKILL.
        resource.setrlimit(kind, (most, most + 1 if name == "CPU" and hard == resource.RLIM_INFINITY else most))
