"""keep_freed_memory really keeps it: a large tensor made again and again stops faulting pages in."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from kernels.allocator import keep_freed_memory
assert sys.argv[1] == "off" or keep_freed_memory()
def once():
    return [torch.ones(300_000) for _ in range(8)]
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt belongs to glibc")
def test_freed_memory_is_used_again() -> None:
    faults = {
        setting: int(subprocess.run([sys.executable, "-c", SCRIPT, setting], check=True, capture_output=True).stdout)
        for setting in ("off", "on")
    }
    assert faults["on"] < faults["off"] / 2
