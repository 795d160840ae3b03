"""Scores of several checkpoints of one training from one child: most of a small score is the start of a process."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from evaluation.arrays import Array
from evaluation.asking import queries, whole
from evaluation.benchmarking import answers, in_order, scores
from evaluation.corpus import corpus
from evaluation.jobs import ScoreJob
from evaluation.launch import Exit, Launch
from evaluation.questions import held_out
from evaluation.reports import Failure
from evaluation.scales import scale as read_scale

Scores = tuple[dict[str, float], dict[str, float]]  # objectives, and details per difficulty


def score_checkpoints(
    source: str, scale: str, mlp_hidden: int, files: Sequence[Path], folder: Path, launch: Launch
) -> tuple[list[Scores], Failure | None, Exit]:
    """Objectives and details of each file of verified weights, on all held-out questions, as ``benchmark`` has them.

    They are not asked again without their future: that is done once for a training, on its final weights.
    """
    chosen, texts = read_scale(scale), corpus()
    questions = held_out(chosen, texts, "validation")
    shown = whole(questions, np.random.default_rng(int(texts.fingerprint["validation"], 16)))
    wanted, inputs = queries(shown)
    weights: dict[str, Array] = {}
    asked = []
    for number, file in enumerate(files):
        for name, array in load_file(file).items():
            task, _, parameter = name.partition(".")
            weights[f"{task}@{number}.{parameter}"] = array
        asked += [
            query.model_copy(update={"name": f"{number}/{query.name}", "task": f"{query.task}@{number}"})
            for query in wanted
        ]
    limits = chosen.score.model_copy(
        update={
            "cpu_seconds": chosen.score.cpu_seconds * len(files),
            "output_bytes": chosen.score.output_bytes * len(files),
        }
    )
    job = ScoreJob(scale=chosen, mlp_hidden=mlp_hidden, queries=tuple(asked))
    logits, failure, ending = answers(job, inputs, source, save(weights), folder / "checkpoints", limits, launch)
    if failure is not None:
        return [], failure, ending
    found = []
    for number in range(len(files)):
        own = {name.partition("/")[2]: array for name, array in logits.items() if name.startswith(f"{number}/")}
        found.append(scores(scale, questions, in_order(shown, own)))
    return found, None, ending
