"""Runs any code just where a design's code runs: as the candidate file of a check job, in a child of a launch."""

from pathlib import Path
from typing import Any

import numpy as np

from evaluation import Exit, Launch, Limits
from evaluation.arrays import write_arrays
from evaluation.jobs import CANDIDATE_FILE, CHILD, INPUTS_FILE, JOB_FILE, CheckJob

LIMITS = Limits(wall_seconds=20, cpu_seconds=10, memory_bytes=768 * 2**20, output_bytes=2**20)


def run_code(
    launch: Launch, code: str, folder: Path, limits: Limits = LIMITS, **options: Any
) -> tuple[Exit, list[str]]:
    """How the child ended, and the lines that it printed. It ends with code 0 when ``code`` has come to its end."""
    (folder / CANDIDATE_FILE).write_text(f"{code}\nraise SystemExit(0)\n")
    (folder / JOB_FILE).write_text(CheckJob(d_model=8, n_heads=2, seed=1, calls=()).model_dump_json())
    write_arrays(folder / INPUTS_FILE, {"x": np.zeros(1)})
    lines: list[str] = []
    return launch(CHILD, "check", folder=folder, limits=limits, on_line=lines.append, **options), lines
