"""Namespaces: a child without network, without sight of other processes, and with a view of few files.

Root with CAP_SYS_ADMIN enters them directly; anybody else through a user namespace, where the system allows it.
"""

import ctypes
import os

from tasks.sandbox.privileges import CAP_SYS_ADMIN, effective_capabilities

NEW = {"mount": 0x00020000, "ipc": 0x08000000, "user": 0x10000000, "pid": 0x20000000, "network": 0x40000000}
FORKED = ("network", "ipc", "mount", "pid")  # the pid namespace begins with the next fork

_libc = ctypes.CDLL(None, use_errno=True)


def enter() -> tuple[str, ...]:
    """Leave the system's namespaces for empty ones, all in one call, so that none is left half-applied.

    The next child that this process forks is the first of its process namespace: it must reap whatever is left to it.
    Returns the names of the namespaces. Raises OSError.
    """
    administrator = bool(effective_capabilities() >> CAP_SYS_ADMIN & 1)
    names = FORKED if administrator else ("user", *FORKED)
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(sum(NEW[name] for name in names)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "unshare")
    if not administrator:
        for file, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{file}", "w", encoding="ascii") as map_file:
                map_file.write(line)
    return names
