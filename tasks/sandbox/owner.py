"""Who owns a child's folder: the child's own user while it runs, whoever started it afterwards."""

import os
import stat
from pathlib import Path


def give(folder: Path, uid: int) -> None:
    """Make ``uid`` the owner of ``folder`` and of all that lies in it. For root only. Raises OSError.

    A file with a second name is left alone: that other name may be anything on the disk.
    """
    for top, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        os.chown(descriptor, uid, uid)
        if Path(top) == folder:
            os.chmod(descriptor, 0o700)
        for name in (*folders, *files):
            facts = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode) or facts.st_nlink == 1:
                os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)


def take_back(folder: Path) -> None:
    """Make root the owner again, now that the child and all that it started have ended."""
    give(folder, os.geteuid())
