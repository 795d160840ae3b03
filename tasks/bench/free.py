"""A domain whose evaluations cost nothing, so that what a campaign spends is the machinery around them.

Designs, stages, records, runs and findings are the usual ones. Only that a design is never run: its scores are drawn
from a hash of its text, and so is what stands for its weights.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors.numpy import save_file

import evaluation
from evaluation import (
    MEASURES,
    Baseline,
    BenchmarkReport,
    CheckReport,
    Efficiency,
    Launch,
    Progress,
    TrainReport,
    baseline_source,
    ceilings,
    claims,
    compare,
    corpus,
    fitness,
    library,
    objectives_of,
    of_training,
    scale,
)

__all__ = [
    "MEASURES", "baseline_source", "baselines", "benchmark", "ceilings", "check", "claims", "compare", "corpus",
    "fitness", "library", "measure_efficiency", "objectives_of", "of_training", "scale", "train",
]  # fmt: skip

CPU_SECONDS = 1.0  # that a training says it took; the budget counts with it


def baselines() -> Mapping[str, Baseline]:
    """The default baselines of the usual domain."""
    return {name: one for name, one in evaluation.baselines().items() if one.default}


def check(
    source: str,
    scale: str,
    folder: Path,
    launch: Launch,
    reference_parameters: int | None = None,
    *,
    full: bool = False,
    quadratic: bool = False,
) -> CheckReport:
    """Every design passes."""
    return CheckReport(scale=scale, parameters=1, mixer_parameters=1, reference_parameters=1, mlp_hidden=1)


def train(
    source: str,
    scale: str,
    seed: int,
    mlp_hidden: int,
    folder: Path,
    launch: Launch,
    cpu_limit: float | None,
    on_progress: Callable[[Progress], None] | None,
) -> TrainReport:
    """A training that is over at once. Its weights are the design's hash."""
    weights = folder / "weights.safetensors"
    save_file({"weights": _drawn(source, seed, 8)}, weights)
    return TrainReport(
        scale=scale,
        seed=seed,
        parameters=1,
        mlp_hidden=mlp_hidden,
        tokens=1,
        cpu_seconds=CPU_SECONDS,
        weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        curves={one.task: ((1, 1.0),) for one in objectives_of(scale).values()},
        started_at=time.time(),
    )


def benchmark(
    source: str,
    scale: str,
    seed: int,
    mlp_hidden: int,
    weights: Path,
    folder: Path,
    launch: Launch,
    split: Literal["validation", "holdout"],
) -> BenchmarkReport:
    """Scores between 1 and 2, drawn from the design's hash and the seed."""
    names = tuple(objectives_of(scale))
    scores = 1 + _drawn(source, 0, len(names)) + _drawn(source, 1 + seed, len(names)) / 20
    found = dict(zip(names, map(float, scores), strict=True))
    return BenchmarkReport(scale=scale, seed=seed, split=split, objectives=found)


def measure_efficiency(
    source: str, scale: str, mlp_hidden: int, weights: Path, folder: Path, launch: Launch
) -> Efficiency:
    """Nothing is measured."""
    return Efficiency(scale=scale, clock="cpu", lengths=(), absent=dict.fromkeys(MEASURES, "nothing was run"))


def _drawn(source: str, number: int, count: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    digest = hashlib.sha256(f"{number}\n{source}".encode()).digest()
    return np.random.default_rng(list(digest)).random(count)
