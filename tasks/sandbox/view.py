"""The file view of a child in its own mount namespace: homes and data look empty, only its folder is writable.

Covering a folder also lets an ordinary user reach granted files below one that is closed to it, such as a Python
that lives in root's home.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

RDONLY, NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000  # the call has this number on every architecture

_libc = ctypes.CDLL(None, use_errno=True)


def build(folder: Path, readable: Iterable[Path], hidden: Iterable[Path], private: Iterable[Path]) -> None:
    """Rearrange the mounts of this process's own mount namespace. Raises OSError.

    Args:
        folder: stays readable and becomes the only writable place.
        readable: what must stay visible though it lies in a hidden folder, by every name it goes by.
        hidden: folders that look empty but for ``folder`` and ``readable``.
        private: files and folders that look empty wherever they lie.
    """
    _mount(None, "/", None, REC | PRIVATE)
    named = [path for path in dict.fromkeys((folder, *readable)) if path.exists()]
    covers = _topmost([*hidden, *closed_to_others(named)])
    inside = [path for path in _topmost(named) if any(cover in path.parents or cover == path for cover in covers)]
    kept = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in inside}
    for cover in covers:
        _mount("none", str(cover), "tmpfs", NOSUID | NODEV, "mode=755,size=1m")
    for path, descriptor in kept.items():
        _place(path, descriptor)
        os.close(descriptor)
    for path in private:
        if path.is_dir():
            _mount("none", str(path), "tmpfs", NOSUID | NODEV, "mode=755,size=4k")
        elif path.exists():
            _mount("/dev/null", str(path), None, BIND)
    _mount(str(folder), str(folder), None, BIND)
    _set_attributes("/", RDONLY | NOSUID, 0, AT_RECURSIVE)
    _set_attributes(str(folder), NODEV, RDONLY, 0)


def own_processes_only() -> bool:
    """Mount a /proc that shows this process namespace alone; False where a container's masked /proc forbids it."""
    try:
        _mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    except OSError:
        return False
    return True


def closed_to_others(paths: Iterable[Path]) -> list[Path]:
    """The folders on the way to ``paths`` that an ordinary user could not walk through."""
    ways = dict.fromkeys(parent for path in paths for parent in path.parents)
    return [way for way in ways if not way.stat().st_mode & stat.S_IXOTH]


def _topmost(paths: Iterable[Path]) -> list[Path]:
    """Existing paths, without those that lie in another one."""
    there = [path for path in dict.fromkeys(paths) if path.exists()]
    return [path for path in there if not any(other in path.parents for other in there)]


def _place(path: Path, descriptor: int) -> None:
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    _mount(f"/proc/self/fd/{descriptor}", str(path), None, BIND | REC)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    if _libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def _set_attributes(target: str, add: int, remove: int, how: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(add, remove, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    path = ctypes.c_char_p(os.fsencode(target))
    if _libc.syscall(MOUNT_SETATTR, AT_FDCWD, path, how, ctypes.byref(attributes), size) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"mount_setattr {target}")
