"""gpu-train, as the parent sees it: start the child, show its progress, then judge and keep the weights it returned."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from evaluation.arrays import Malformed
from evaluation.corpus import corpus
from evaluation.curves import Curves
from evaluation.endings import failure_of, invalid
from evaluation.jobs import CHILD, TEXT_FILE, WEIGHTS_FILE, TrainJob, checkpoint_file
from evaluation.keeping import keep
from evaluation.launch import Launch
from evaluation.questions import require_text
from evaluation.reports import Progress, TrainReport
from evaluation.scales import scale as read_scale
from evaluation.workspace import workspace


def train(
    source: str,
    scale: str,
    seed: int,
    mlp_hidden: int,
    folder: Path,
    launch: Launch,
    cpu_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoints: Sequence[float] = (),
) -> TrainReport:
    """Train one seed on every task of ``scale`` and write ``folder``/weights.safetensors, complete and verified.

    ``cpu_limit`` (seconds) ends a design that is too slow. ``on_progress`` may raise to end the child. ``checkpoints``
    are shares of every task's steps whose weights are written besides, as ``checkpoint_file`` names them. A bad design
    gives a report with a failure and no file. Raises ValueError for an unknown scale, and CorpusError for a missing or
    altered corpus.
    """
    chosen = read_scale(scale)
    texts = corpus()
    require_text(chosen, texts)
    limits = chosen.train if cpu_limit is None else chosen.train.model_copy(update={"cpu_seconds": cpu_limit})
    started_at = time.time()
    stream = Curves(
        {task.task: task.steps for task in chosen.tasks},
        {task.task: task.batch * task.length * task.steps for task in chosen.tasks},
        on_progress,
    )
    files = [*map(checkpoint_file, range(len(checkpoints))), WEIGHTS_FILE]
    _remove(folder, files)  # of an earlier run: a failure must leave none
    job = TrainJob(scale=chosen, mlp_hidden=mlp_hidden, seed=seed, checkpoints=tuple(checkpoints))
    with workspace(folder, "train", source, job) as place:
        np.save(place / TEXT_FILE, np.frombuffer(texts.train, dtype=np.uint8), allow_pickle=False)
        ending = launch(CHILD, "train", folder=place, limits=limits, profile="train", on_line=stream.read)
        failure = failure_of(ending, limits, "training")
        parameters, digest = 0, ""
        if failure is None:
            try:
                for name in files:
                    failure, parameters, digest = keep(place, folder, chosen, mlp_hidden, name)
                    if failure is not None:
                        break
            except Malformed as error:
                failure = invalid("training", str(error))
    if failure is not None:
        _remove(folder, files)
    return TrainReport(
        scale=scale,
        seed=seed,
        parameters=parameters,
        mlp_hidden=mlp_hidden,
        tokens=sum(task.batch * task.length * task.steps for task in chosen.tasks) if failure is None else 0,
        cpu_seconds=ending.cpu_seconds,
        wall_seconds=ending.wall_seconds,
        peak_bytes=ending.peak_bytes,
        weights_sha256=digest,
        corpus=texts.fingerprint,
        curves=stream.all(),
        started_at=started_at,
        sandbox=ending.sandbox,
        failure=failure,
    )


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
