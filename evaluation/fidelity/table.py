"""The table: one line of JSON for each training of a design with a seed, with scores at checkpoints on the way."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, FiniteFloat, ValidationError

from evaluation.reports import Failure, Report
from evaluation.scales import scale as read_scale

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of every task's steps; the last is the whole training


class Entry(Report):
    """A design to train: ``number`` counts the drawn ones from 1, a baseline has none."""

    name: str
    source: str
    number: int | None = None
    components: Mapping[str, str] = Field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of the source, in hexadecimal."""
        return hashlib.sha256(self.source.encode()).hexdigest()


Curves = dict[str, tuple[tuple[int, FiniteFloat], ...]]


class Point(Report):
    """Scores after a share of every task's steps, computed by the parent from a fresh child's logits."""

    share: FiniteFloat
    objectives: dict[str, FiniteFloat]
    losses: dict[str, FiniteFloat]  # nats, per task and difficulty; what was not trained on yet is far off at first


class Row(Report):
    """One training that ended well or not. With a constant rate each point is what a run cut short there ends with.

    A step costs the same throughout a training, so ``train_cpu_seconds`` divides by share. ``scoring_cpu_seconds`` are
    those of all points. ``untrusted_losses`` are the child's own words, means over blocks of steps: they may stop a
    training, and never enter a score.
    """

    version: int = 1
    scale: str
    scale_sha256: str = ""  # empty in lines that were written before it was kept
    design: str
    number: int | None
    source_sha256: str
    components: dict[str, str]
    seed: int
    parameters: int = 0
    points: tuple[Point, ...] = ()
    check_cpu_seconds: FiniteFloat = 0.0
    train_cpu_seconds: FiniteFloat = 0.0
    scoring_cpu_seconds: FiniteFloat = 0.0
    untrusted_losses: Curves = Field(default_factory=dict)  # task -> ((last step, mean loss), ...)
    weights_sha256: str = ""  # final
    corpus: str = ""  # dataset, and the start of the validation text's sha256
    stage: Literal["check", "train", "score"] | None = None  # where it failed
    failure: Failure | None = None

    @property
    def final(self) -> dict[str, float]:
        """Objectives after the whole training."""
        return self.points[-1].objectives


Key = tuple[str, int]  # the source's sha256, and the seed
Rows = dict[Key, Row]


def recorded(file: Path, scale: str) -> Rows:
    """What the file holds for this scale as it is today; a last line that was cut off is ignored.

    Raises ValueError for a file that holds something else.
    """
    *lines, cut = file.read_bytes().split(b"\n") if file.is_file() else [b""]
    today = scale_sha256(scale)
    found: Rows = {}
    for number, line in enumerate(lines, start=1):
        try:
            one = Row.model_validate_json(line)
        except ValidationError as error:
            raise _foreign(file, number) from error
        if one.scale == scale and one.scale_sha256 in ("", today):
            found[one.source_sha256, one.seed] = one
    if cut and not cut.startswith(b"{"):
        raise _foreign(file, len(lines) + 1)
    return found


def scale_sha256(scale: str) -> str:
    """Of all that a scale says, in hexadecimal."""
    return hashlib.sha256(read_scale(scale).model_dump_json().encode()).hexdigest()


def _foreign(file: Path, line: int) -> ValueError:
    return ValueError(f"{file}, line {line}, is no training of this table: move the file away.")


def rows_of(rows: Mapping[Key, Row], entries: Iterable[Entry], seed: int) -> list[Row]:
    """The rows of these designs with this seed, as far as there are any, failed ones included."""
    return [rows[one.sha256, seed] for one in entries if (one.sha256, seed) in rows]
