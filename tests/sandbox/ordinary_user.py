"""Runs a program as an ordinary user, for tests that root starts."""

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.sandbox.privileges import become
from tasks.sandbox.view import cover, plan
from tasks.sandbox.visible import code_folders

UID = 54321
NEW_MOUNTS = 0x00020000
ROOT = Path(__file__).parents[2]


def run_as_ordinary_user(*arguments: str, timeout: float) -> "subprocess.CompletedProcess[str]":
    """Run Python with ``arguments`` as somebody who owns nothing but a home folder and may administrate nothing.

    Python and this repository are made reachable for it, in a mount namespace, should they lie in a closed folder.
    Raises OSError where root may not even do that.
    """
    opened = plan((*code_folders(), ROOT), (), ())
    with tempfile.TemporaryDirectory(prefix="ordinary-") as home:
        os.chown(home, UID, UID)

        def enter() -> None:
            if opened.covers:
                if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS) != 0:
                    raise OSError(ctypes.get_errno(), "unshare")
                ctypes.CDLL(None).mount(b"none", b"/", None, ctypes.c_ulong(16384 | 1 << 18), None)
                cover(opened.covers, opened.kept)
            become(UID)

        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": home,
                "ARCHLOOP_HOME": f"{home}/data",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=timeout,
            preexec_fn=enter,
        )
