"""What benches of the laboratory have in common: where results lie, and who measured them."""

import contextlib
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

RESULTS = Path("docs/results")

Into = Annotated[Path, typer.Option(help="Where results are kept; trainings found there are not repeated.")]


def keep(found: dict[str, Any], file: Path) -> dict[str, Any]:
    """Write ``found`` with the command and the device before it, and return all of it."""
    told = {"command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]), "device": device()} | found
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return told


def device() -> str:
    """What measured: the processor, and how many of its cores this process may use."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = names[0] if names else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores"
