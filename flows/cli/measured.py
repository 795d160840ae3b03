"""How a bench's results say what they are: the command, the device, and shares with their intervals."""

import contextlib
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation import Share


def share(one: "Share") -> str:
    """In words."""
    return f"{one.share:.2%} (95% interval {one.low:.2%} to {one.high:.2%})"


def command() -> str:
    """What was typed, without the folder of the program."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def device() -> str:
    """What measured: the processor, and how many of its cores this process may use."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = names[0] if names else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores"
