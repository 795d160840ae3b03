"""The folder of a running child, which keeps its checkpoint from one start to the next and nothing else."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError, safe_open

from evaluation.jobs import CANDIDATE_FILE
from evaluation.large.jobs import CHECKPOINT_FILE, IDENTITY

_NAME = "run"


@contextlib.contextmanager
def place_of(folder: Path, source: str, identity: str, resume: bool) -> Iterator[Path]:
    """``folder``/run with the candidate and, if ``resume``, the checkpoint that an earlier run of ``identity`` left.

    On leaving, only a checkpoint is kept; ``finished`` removes that too. Raises ValueError if there is a checkpoint and
    ``resume`` is off, or if it belongs to another run.
    """
    place = folder / _NAME
    kept = place / CHECKPOINT_FILE
    if kept.is_symlink() or kept.exists():
        if not resume:
            raise ValueError(f"{kept} is left of an unfinished run: add --resume to go on from it, or remove it.")
        if _identity(kept) != identity:
            raise ValueError(
                f"{kept} belongs to a run of another design, scale, seed or dataset: finish that one, or remove it."
            )
    _strip(place)
    place.mkdir(parents=True, exist_ok=True)
    try:
        (place / CANDIDATE_FILE).write_text(source, "utf-8")
        yield place
    finally:
        _strip(place)


def finished(place: Path) -> None:
    """The run has come to an end that leaves nothing to resume."""
    (place / CHECKPOINT_FILE).unlink(missing_ok=True)


def _strip(place: Path) -> None:
    # Nothing that one child wrote may wait for the next, the checkpoint excepted.
    if not place.is_dir() or place.is_symlink():
        return
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != CHECKPOINT_FILE:
            entry.unlink()
    if not any(place.iterdir()):
        place.rmdir()


def _identity(checkpoint: Path) -> str | None:
    if checkpoint.is_symlink() or not checkpoint.is_file():
        return None
    try:
        with safe_open(checkpoint, framework="numpy") as file:
            return (file.metadata() or {}).get(IDENTITY)
    except (SafetensorError, OSError):
        return None
