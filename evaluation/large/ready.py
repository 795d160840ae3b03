"""Can this scale be trained on this dataset and this machine? Asked before anything takes long."""

import json
import tempfile
from pathlib import Path

from evaluation.data.faults import DataError
from evaluation.data.shards import Dataset, read_dataset, read_vocabulary, require_intact
from evaluation.data.split import PARTS
from evaluation.endings import failure_of
from evaluation.large.jobs import CHILD, Device
from evaluation.launch import Launch, Limits
from evaluation.reports import Failure, Report
from evaluation.scales import large_scale
from evaluation.scales.large import LargeScale

_LIMITS = Limits(wall_seconds=300.0, cpu_seconds=300.0, memory_bytes=16_000_000_000)


class Ready(Report):
    """A dataset that was found intact and fits the scale, and the processes to train with."""

    scale: LargeScale
    folder: Path
    dataset: Dataset
    device: Device
    workers: int


def ready(scale: str | LargeScale, data: Path, device: Device, workers: int, launch: Launch) -> Ready | Failure:
    """Everything that a run needs, or why there can be none.

    ``workers`` is the number of processes: on GPUs, one each; 0 takes all visible GPUs that divide the batch, or one
    process on a CPU. Raises ValueError for a scale that is not large, or a number of workers that it cannot have.
    """
    chosen = large_scale(scale) if isinstance(scale, str) else scale
    folder = data.resolve()
    if workers and chosen.run.batch % workers:
        raise ValueError(
            f"{workers} workers cannot share the {chosen.run.batch} sequences of a step evenly: choose a divisor."
        )
    try:
        dataset = read_dataset(folder)
        require_fitting(dataset, chosen)
        gpus = _visible(launch) if device == "cuda" else 0
        if isinstance(gpus, Failure):
            return gpus
        if workers > gpus > 0:
            raise ValueError(f"{workers} workers need as many GPUs, but {gpus} are visible: ask for fewer.")
        read_vocabulary(folder, dataset)
        require_intact(folder, dataset, PARTS)
    except DataError as error:
        return error.failure
    most = max(n for n in range(1, max(gpus, 1) + 1) if chosen.run.batch % n == 0)
    return Ready(scale=chosen, folder=folder, dataset=dataset, device=device, workers=workers or most)


def require_fitting(dataset: Dataset, scale: LargeScale) -> None:
    """Raise DataError unless the dataset has the scale's vocabulary, a batch to train on and the windows to score."""
    if dataset.vocabulary != scale.vocabulary:
        raise DataError(
            "vocabulary_mismatch",
            f"The dataset was prepared with a vocabulary of {dataset.vocabulary} tokens, but scale {scale.name} has "
            f"{scale.vocabulary}.",
            f"Prepare it again with --vocabulary {scale.vocabulary}.",
        )
    held = scale.run.rows * scale.run.length + 1
    needs = {"train": scale.run.batch * (scale.run.length + 1), "validation": held, "holdout": held}
    for name in PARTS:
        if dataset.parts[name].tokens < needs[name]:
            raise DataError(
                "corpus_too_short",
                f"The dataset has {dataset.parts[name].tokens} tokens of {name} text, but scale {scale.name} needs at "
                f"least {needs[name]}.",
                "Prepare more text." if name == "train" else "Prepare more text, or with a larger --held-share.",
            )


def _visible(launch: Launch) -> int | Failure:
    """The number of GPUs, at least one. A child looks, because the parent never loads torch."""
    said: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        ending = launch(CHILD, "devices", folder=Path(place), limits=_LIMITS, profile="train", on_line=said.append)
    failure = failure_of(ending, _LIMITS, "look for GPUs")
    return failure or int(json.loads(said[-1])["gpus"])
