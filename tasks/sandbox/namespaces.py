"""Namespaces: a child without network, without sight of other processes, and with a view of few files.

Root with CAP_SYS_ADMIN may enter them directly; anybody else only through a user namespace, where the system allows
it. All are entered by the one call that makes the new process, so that none can be left half-applied.
"""

import ctypes
import os
import platform
import signal

from tasks.sandbox.privileges import CAP_SYS_ADMIN, effective_capabilities
from tasks.sandbox.syscalls import numbers_of

NEW = {"mount": 0x00020000, "ipc": 0x08000000, "pid": 0x20000000, "network": 0x40000000}
NEW_USER = 0x10000000

# PyDLL keeps Python's global lock during the call, as both copies go on as Python afterwards.
_python = ctypes.PyDLL(None, use_errno=True)


def is_administrator() -> bool:
    """Whether this process may make namespaces without a user namespace around them."""
    return bool(effective_capabilities() >> CAP_SYS_ADMIN & 1)


def fork_separated() -> int:
    """Fork like ``os.fork``, with the new process as the first one in new namespaces.

    It must not do more than wait, fork and exec: the C library has not been told that it is a copy. What it forks by
    ``os.fork`` is sound again. Raises OSError if this process may not make namespaces; then nothing has happened.
    """
    flags = sum(NEW.values()) | (0 if is_administrator() else NEW_USER) | signal.SIGCHLD
    words = [ctypes.c_ulong(word) for word in (flags, 0, 0, 0, 0)]
    pid = int(_python.syscall(ctypes.c_long(numbers_of(platform.machine())["clone"]), *words))
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "clone")
    return pid


def map_user(uid: int, gid: int) -> None:
    """In a new user namespace, be the user that one was outside, and nobody else. Raises OSError."""
    for file, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as map_file:
            map_file.write(line)
