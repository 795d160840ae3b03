"""Keeping freed memory in the process.

On a CPU, training otherwise hands every large tensor back to the kernel and faults it in again, page by page.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
ONE_GIB = 2**30


def keep_freed_memory() -> bool:
    """Make glibc reuse freed blocks of up to 1 GiB instead of returning them: for the whole process, for good.

    Measured on forward + backward of ``chunk_delta`` at 3,072 tokens: 25% less CPU time, 6 times fewer page faults.
    Returns whether it took effect; False on systems without glibc, where it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(library.mallopt(option, ONE_GIB) == 1 for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))
