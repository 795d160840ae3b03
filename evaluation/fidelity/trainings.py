"""One row of the table: check, train with checkpoints, score them. Nothing that a design does wrong stops a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from evaluation.baselines import baselines
from evaluation.benchmarking import benchmark
from evaluation.checks import check
from evaluation.fidelity.checkpoints import score_checkpoints
from evaluation.fidelity.table import SHARES, Entry, Point, Row, scale_sha256
from evaluation.jobs import WEIGHTS_FILE, checkpoint_file
from evaluation.launch import Launch
from evaluation.training import train

BLOCKS = 16  # per task, over which streamed losses are averaged


def train_row(entry: Entry, scale: str, seed: int, launch: Launch, cpu_limit: float | None = None) -> Row:
    """Train and score one design with one seed. ``cpu_limit`` in seconds ends a training that is too slow."""
    known: dict[str, Any] = {
        "scale": scale,
        "scale_sha256": scale_sha256(scale),
        "design": entry.name,
        "number": entry.number,
        "source_sha256": entry.sha256,
        "components": entry.components,
        "seed": seed,
    }
    shipped = baselines().get(entry.name)
    with TemporaryDirectory(prefix="archloop-table-") as place:
        folder = Path(place).resolve()
        checked = check(entry.source, scale, folder, launch, quadratic=shipped is not None and shipped.quadratic)
        known |= {"check_cpu_seconds": checked.cpu_seconds}
        if checked.failure is not None:
            return Row.model_validate(known | {"stage": "check", "failure": checked.failure})
        hidden = checked.mlp_hidden
        learned = train(entry.source, scale, seed, hidden, folder, launch, cpu_limit, checkpoints=SHARES[:-1])
        text = learned.corpus
        known |= {
            "parameters": learned.parameters,
            "train_cpu_seconds": learned.cpu_seconds,
            "untrusted_losses": {task: _thinned(curve) for task, curve in learned.curves.items()},
            "weights_sha256": learned.weights_sha256,
            "corpus": f"{text['dataset']} {text['validation'][:12]}",
        }
        if learned.failure is not None:
            return Row.model_validate(known | {"stage": "train", "failure": learned.failure})
        files = [folder / checkpoint_file(number) for number in range(len(SHARES) - 1)]
        early, failure, ending = score_checkpoints(entry.source, scale, hidden, files, folder, launch)
        spent = ending.cpu_seconds
        if failure is None:
            last = benchmark(entry.source, scale, seed, hidden, folder / WEIGHTS_FILE, folder, launch)
            early.append((last.objectives, last.details))
            failure, spent = last.failure, spent + last.cpu_seconds
    known |= {"scoring_cpu_seconds": spent}
    if failure is not None:
        return Row.model_validate(known | {"stage": "score", "failure": failure})
    points = [
        Point(share=share, objectives=scores, losses=_losses(details))
        for share, (scores, details) in zip(SHARES, early, strict=True)
    ]
    return Row.model_validate(known | {"points": points})


def _thinned(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    blocks = [block for block in np.array_split(np.arange(len(curve)), min(BLOCKS, len(curve))) if len(block)]
    return [(curve[block[-1]][0], round(float(np.mean([curve[i][1] for i in block])), 4)) for block in blocks]


def _losses(details: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in details.items() if name.endswith("_loss")}
