"""The file view of a child in its own mount namespace: homes and data look empty, only its folder is writable.

Covering a folder also lets an ordinary user reach granted files below one that is closed to it, such as a Python
that lives in root's home.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

RDONLY, NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000  # the call has this number on every architecture

_libc = ctypes.CDLL(None, use_errno=True)


class Plan(NamedTuple):
    """What is the same for every child, worked out once by the fork server, as a fork has to copy what it touches."""

    covers: tuple[Path, ...]  # folders to cover with an empty one
    kept: tuple[Path, ...]  # what lies below a cover and must stay visible
    private: tuple[tuple[Path, bool], ...]  # what must look empty, and whether it is a folder


def plan(readable: tuple[Path, ...], hidden: tuple[Path, ...], private: tuple[Path, ...]) -> Plan:
    """Cover the ``hidden`` folders, and those on the way to ``readable`` that others cannot walk through.

    Args:
        readable: what must stay visible, by every name it goes by.
        hidden: folders that look empty but for what is readable, and but for the child's own folder.
        private: files and folders that look empty wherever they lie.
    """
    readable = _topmost(readable)
    covers = _topmost([*hidden, *closed_to_others(readable)])
    kept = tuple(path for path in readable if _below(path, covers))
    return Plan(covers, kept, tuple((path, path.is_dir()) for path in private if path.exists()))


def build(folder: Path, planned: Plan) -> None:
    """Rearrange the mounts of this process's own mount namespace: only ``folder`` stays writable. Raises OSError."""
    _mount(None, "/", None, REC | PRIVATE)
    covers = planned.covers
    if not _below(folder, covers):
        covers = (*covers, *_topmost(closed_to_others([folder])))
    cover(covers, [path for path in (folder, *planned.kept) if _below(path, covers)])
    for path, is_folder in planned.private:
        if is_folder:
            _mount("none", str(path), "tmpfs", NOSUID | NODEV, "mode=755,size=4k")
        else:
            _mount("/dev/null", str(path), None, BIND)
    _mount(str(folder), str(folder), None, BIND)
    _set_attributes("/", RDONLY | NOSUID, 0, AT_RECURSIVE)
    _set_attributes(str(folder), NODEV, RDONLY, 0)


def cover(covers: Iterable[Path], kept: Iterable[Path]) -> None:
    """Make folders look empty to this process's mount namespace, but for what is ``kept`` in them. Raises OSError."""
    held = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in kept]
    for one in covers:
        _mount("none", str(one), "tmpfs", NOSUID | NODEV, "mode=755,size=1m")
    for path, descriptor in held:
        _place(path, descriptor)
        os.close(descriptor)


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


def _topmost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Existing paths, without those that lie in another one."""
    there = [path for path in dict.fromkeys(paths) if path.exists()]
    return tuple(path for path in there if not any(other in path.parents for other in there))


def _below(path: Path, covers: Iterable[Path]) -> bool:
    return any(cover == path or cover in path.parents for cover in covers)


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
