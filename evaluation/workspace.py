"""A fresh folder for each child, and its removal afterwards, so that no child can leave a note for the next."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from evaluation.arrays import Array, write_arrays
from evaluation.jobs import CANDIDATE_FILE, INPUTS_FILE, JOB_FILE
from evaluation.reports import Report


@contextlib.contextmanager
def workspace(
    folder: Path, name: str, source: str, job: Report, inputs: Mapping[str, Array] | None = None
) -> Iterator[Path]:
    """``folder``/``name``, holding the candidate, its job and its inputs; removed with all its content at the end."""
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        (place / CANDIDATE_FILE).write_text(source, "utf-8")
        (place / JOB_FILE).write_text(job.model_dump_json(), "utf-8")
        if inputs is not None:
            write_arrays(place / INPUTS_FILE, inputs)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
