"""Runs any code in a child of a launch, past the static gate that would refuse most of it."""

from pathlib import Path
from typing import Any

from evaluation import Exit, Launch, Limits

LIMITS = Limits(wall_seconds=20, cpu_seconds=10, memory_bytes=768 * 2**20, output_bytes=2**20)


def run_code(
    launch: Launch, code: str, folder: Path, limits: Limits = LIMITS, **options: Any
) -> tuple[Exit, list[str]]:
    """How the child ended, and the lines that it printed."""
    (folder / "program.py").write_text(code)
    lines: list[str] = []
    end = launch("tasks.sandbox.run_file", "program.py", folder=folder, limits=limits, on_line=lines.append, **options)
    return end, lines
