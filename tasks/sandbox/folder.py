"""A child's folder as its supervisor treats it: what it holds, its emptying, and whom it belongs to.

A child may leave anything there: links to foreign files, folders that nobody may enter, a nesting deeper than any path
can name. Nothing here follows a link, and every step goes through an open folder, so that none can be swapped under us.
"""

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MOST_NESTED = 64  # levels of folders; far below what recursive programs and the limit on a path's length allow
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Contents(NamedTuple):
    """What lies in a folder."""

    bytes: int  # on disk
    files: int  # and folders, links, pipes
    too_deep: bool = False  # nested beyond MOST_NESTED; what lies deeper is not counted
    newest: float = 0.0  # when something of it changed last, the folder itself included

    def excess(self, most_bytes: int, most_files: int) -> str:
        """A sentence if this is more than allowed, else ""."""
        if self.too_deep:
            return f"Its folder held folders nested more than {MOST_NESTED} deep."
        if self.bytes > most_bytes or self.files > most_files:
            return f"Its folder held {self.bytes} bytes in {self.files} files, of {most_bytes} in {most_files} allowed."
        return ""


def contents_of(folder: Path, most_files: int) -> Contents:
    """Count what lies in a folder; beyond ``most_files`` the count is broken off."""
    with _opened(os.fspath(folder)) as top:
        return Contents(0, 0) if top is None else _count(top, most_files, 0)


def _count(descriptor: int, most_files: int, depth: int) -> Contents:
    if depth > MOST_NESTED:
        return Contents(0, 0, True)
    newest = os.fstat(descriptor).st_mtime
    size = files = 0
    too_deep = False
    for name, facts in _entries(descriptor):
        size, files, newest = size + facts.st_blocks * 512, files + 1, max(newest, facts.st_mtime)
        if stat.S_ISDIR(facts.st_mode):
            with _opened(name, descriptor) as inner:
                if inner is not None:
                    below = _count(inner, most_files - files, depth + 1)
                    size, files, too_deep = size + below.bytes, files + below.files, too_deep or below.too_deep
                    newest = max(newest, below.newest)
        if files > most_files or too_deep:
            break
    return Contents(size, files, too_deep, newest)


def empty(folder: Path) -> None:
    """Remove all that lies in a folder, however deep it is nested. Raises OSError."""
    numbers = itertools.count()
    with _opened(os.fspath(folder)) as top:
        while top is not None and (entries := list(_entries(top))):
            for name, facts in entries:
                if not stat.S_ISDIR(facts.st_mode):
                    os.unlink(name, dir_fd=top)
                    continue
                with _opened(name, top) as inner:
                    for deeper, found in list(_entries(inner)) if inner is not None else ():
                        if stat.S_ISDIR(found.st_mode):  # to the top, where the next round finds it
                            with _opened(deeper, inner):
                                os.rename(deeper, f".removing-{next(numbers)}", src_dir_fd=inner, dst_dir_fd=top)
                        else:
                            os.unlink(deeper, dir_fd=inner)
                os.rmdir(name, dir_fd=top)


def give(folder: Path, uid: int) -> None:
    """Make ``uid`` the owner of a folder and of all that lies in it. For root only. Raises OSError.

    A file with a second name is left alone: that other name may be anything on the disk.
    """
    with _opened(os.fspath(folder)) as top:
        if top is None:
            raise FileNotFoundError(folder)
        os.chmod(top, 0o700)
        _give(top, uid, 0)


def _give(descriptor: int, uid: int, depth: int) -> None:
    for name, facts in _entries(descriptor):
        if stat.S_ISDIR(facts.st_mode) and depth < MOST_NESTED:
            with _opened(name, descriptor) as inner:
                if inner is not None:
                    _give(inner, uid, depth + 1)
        elif facts.st_nlink == 1:
            os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(descriptor, uid, uid)


def take_back(folder: Path) -> None:
    """Make this process's user the only one who may enter a folder again. For root only."""
    with _opened(os.fspath(folder)) as top:
        if top is not None:
            os.chown(top, os.geteuid(), os.getegid())
            os.chmod(top, 0o700)


def _entries(descriptor: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(descriptor) as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError):  # gone in between
                yield entry.name, entry.stat(follow_symlinks=False)


@contextlib.contextmanager
def _opened(path: str, within: int | None = None) -> Iterator[int | None]:
    """A descriptor of a folder, which is made accessible if its owner closed it; None if it is no folder or is gone."""
    try:
        handle = os.open(path, os.O_PATH | _FOLDER, dir_fd=within)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    try:
        itself = f"/proc/self/fd/{handle}"
        if os.fstat(handle).st_mode & 0o700 != 0o700:
            os.chmod(itself, 0o700)
        descriptor = os.open(itself, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
