"""The data folder: where everything that archloop keeps on this machine lives.

archloop-data/        ARCHLOOP_HOME names another one
    store/            the embedded MongoDB-wire store
    cognition/        LanceDB tables (ARCHLOOP_COGNITION_URI names another place)
    prefect/          the local Prefect server's database
    mlflow.db         MLflow runs, with mlartifacts/ beside it
    work/             one folder per experiment while it is being evaluated
    reports/          one folder per campaign
    workers/          what Prefect's workers print
"""

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from archdb.errors import HomeUnusable

LEAST_FREE_BYTES = 512 * 2**20  # to begin with
NEARLY_FULL_BYTES = 8 * 2**20  # below this, faults are put down to the full disk


def home() -> Path:
    """The absolute path of the data folder (it may not exist yet)."""
    return Path(os.environ.get("ARCHLOOP_HOME") or "archloop-data").expanduser().absolute()


def prepare_home() -> Path:
    """Create the data folder and prove that it can be written to.

    Raises:
        HomeUnusable: it cannot be created or written, or the disk is full; one sentence with the remedy.
    """
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 2**16)
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as fault:
        raise HomeUnusable(describe_os_fault(fault, folder)) from fault
    least = least_free_bytes()
    if free < least:
        raise HomeUnusable(
            f"The disk that holds the data folder {folder} has {free // 2**20} MiB free and archloop needs "
            f"{least // 2**20}: free some space, or set ARCHLOOP_HOME to a folder on another disk."
        )
    return folder


def least_free_bytes() -> int:
    """The room on the data folder's disk below which nothing begins."""
    return int(os.environ.get("ARCHLOOP_LEAST_FREE_BYTES") or LEAST_FREE_BYTES)


def require_space() -> None:
    """Tell a full disk apart from whatever it made fail.

    Raises:
        HomeUnusable: the data folder's disk is as good as full.
    """
    folder = home()
    with contextlib.suppress(FileNotFoundError):
        if shutil.disk_usage(folder).free < NEARLY_FULL_BYTES:
            raise HomeUnusable(describe_os_fault(OSError(errno.ENOSPC, "full"), folder))


def describe_os_fault(fault: OSError, folder: Path) -> str:
    """One sentence for a fault of the file system under ``folder``, with the remedy."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk that holds the data folder {folder} is full: free some space, or set ARCHLOOP_HOME to a folder "
            "on another disk; then run the same command again, nothing recorded is lost."
        )
    if fault.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"The data folder {folder} cannot be written to: set ARCHLOOP_HOME to a folder that you can write to."
    return f"The data folder {folder} cannot be used ({fault.strerror}): set ARCHLOOP_HOME to a writable folder."
