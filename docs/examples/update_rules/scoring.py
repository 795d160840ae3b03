"""Scores: the supervisor runs the trained networks on held-out data itself, so that here no rule is run at all."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

from safetensors.numpy import load_file

from evaluation import BenchmarkReport, Efficiency, Launch, Measure
from update_rules.problems import PROBLEMS, corpus, data, loss_and_gradient, objectives_of

MEASURES = {"rule_cpu_seconds": Measure(title="Processor time of the rule in a training", unit="s")}


def benchmark(
    _source: str, scale_name: str, seed: int, _: int, weights: Path, _folder: Path, _launch: Launch, split: str
) -> BenchmarkReport:
    """Losses of the trained networks on a split, as logarithms, so that one bad problem is not all that counts."""
    trained, digest = load_file(weights), hashlib.sha256(weights.read_bytes()).hexdigest()
    squared = {one: loss_and_gradient(trained[one], *data(one, split))[0] for one in PROBLEMS}
    losses = {f"{one}_loss": math.log10(wrong) for one, wrong in squared.items()}
    told = {"details": losses, "corpus": corpus().fingerprint, "weights_sha256": digest}
    found = objectives_from(scale_name, losses)
    return BenchmarkReport(scale=scale_name, seed=seed, split=split, objectives=found, **told)


def objectives_from(scale_name: str, details: Mapping[str, float]) -> dict[str, float]:
    """Whoever verifies a dossier computes objectives again from a benchmark's details."""
    return {name: details[name] for name in objectives_of(scale_name)}


def of_training(_tokens: int, cpu_seconds: float, _peak_bytes: int) -> dict[str, float]:
    return {"rule_cpu_seconds": cpu_seconds}


def claims(_costs: object) -> dict[str, float]:
    return {}


def measure_efficiency(_source: str, scale_name: str, *_: object) -> Efficiency:
    return Efficiency(scale=scale_name, clock="cpu", lengths=())
