"""gpu-train, as the parent sees it: start the child, show its progress, then judge and keep the weights it returned."""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from evaluation.arrays import Malformed, read_arrays
from evaluation.corpus import corpus
from evaluation.endings import failure_of, invalid
from evaluation.jobs import CHILD, TEXT_FILE, WEIGHTS_FILE, TrainJob
from evaluation.launch import Launch
from evaluation.questions import require_text
from evaluation.reports import Failure, Progress, TrainReport
from evaluation.scales import Scale
from evaluation.scales import scale as read_scale
from evaluation.weights import parameters_of, unacceptable
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
) -> TrainReport:
    """Train one seed on every task of ``scale`` and write ``folder``/weights.safetensors, complete and verified.

    ``cpu_limit`` (seconds) ends a design that is too slow. ``on_progress`` may raise to end the child. A bad design
    gives a report with a failure and no file. Raises ValueError for an unknown scale, and CorpusError for a missing or
    altered corpus.
    """
    chosen = read_scale(scale)
    texts = corpus()
    require_text(chosen, texts)
    limits = chosen.train if cpu_limit is None else chosen.train.model_copy(update={"cpu_seconds": cpu_limit})
    started_at = time.time()
    stream = _Stream(chosen, on_progress)
    (folder / WEIGHTS_FILE).unlink(missing_ok=True)  # of an earlier run: a failure must leave none
    with workspace(folder, "train", source, TrainJob(scale=chosen, mlp_hidden=mlp_hidden, seed=seed)) as place:
        np.save(place / TEXT_FILE, np.frombuffer(texts.train, dtype=np.uint8), allow_pickle=False)
        ending = launch(CHILD, "train", folder=place, limits=limits, profile="train", on_line=stream.read)
        failure = failure_of(ending, limits, "training")
        parameters, digest = 0, ""
        if failure is None:
            try:
                failure, parameters, digest = _keep(place, folder, chosen, mlp_hidden)
            except Malformed as error:
                failure = invalid("training", str(error))
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
        curves={task: tuple(points) for task, points in stream.curves.items()},
        started_at=started_at,
        sandbox=ending.sandbox,
        failure=failure,
    )


def _keep(place: Path, folder: Path, scale: Scale, mlp_hidden: int) -> tuple[Failure | None, int, str]:
    """Verify the child's weights and write what was verified into ``folder`` in one step.

    Written afresh: the child's own file could hold anything besides, in its header.
    """
    weights = read_arrays(place / WEIGHTS_FILE, scale.train.output_bytes)
    parameters = parameters_of(weights, scale, mlp_hidden)
    failure = unacceptable(weights, parameters, scale)
    if failure is not None:
        return failure, parameters, ""
    blob = save(dict(weights))
    partial = folder / f"{WEIGHTS_FILE}.partial"
    partial.write_bytes(blob)
    os.replace(partial, folder / WEIGHTS_FILE)
    return None, parameters, hashlib.sha256(blob).hexdigest()


class _Stream:
    """Reads the child's lines into curves. They are untrusted: anything malformed, repeated or endless is dropped."""

    def __init__(self, scale: Scale, on_progress: Callable[[Progress], None] | None) -> None:
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self._on_progress = on_progress
        self._steps = {plan.task: plan.steps for plan in scale.tasks}
        tokens = [plan.batch * plan.length * plan.steps for plan in scale.tasks]
        self._starts = dict(zip(self._steps, np.cumsum([0, *tokens[:-1]]) / sum(tokens), strict=True))
        self._shares = dict(zip(self._steps, np.asarray(tokens) / sum(tokens), strict=True))

    def read(self, line: str) -> None:
        try:
            said = json.loads(line)
            task, step, loss = str(said["task"]), int(said["step"]), float(said["loss"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return
        if task not in self._steps or not math.isfinite(loss) or not 1 <= step <= self._steps[task]:
            return
        curve = self.curves.setdefault(task, [])
        if curve and step <= curve[-1][0]:
            return
        curve.append((step, loss))
        if self._on_progress is not None:
            steps = self._steps[task]
            fraction = float(self._starts[task] + self._shares[task] * step / steps)
            self._on_progress(Progress(task=task, step=step, steps=steps, loss=loss, fraction=fraction))
