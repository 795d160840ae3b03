"""The domain whose evaluations cost nothing, for campaigns of the docs: two baselines, and those asked for.

What commands of the docs ask for besides scores is there, too: the hash of what was scored, and latencies.
"""

import hashlib
from pathlib import Path
from typing import Any

import evaluation
from tasks.bench import free
from tasks.bench.free import *  # noqa: F403

ALWAYS = ("gated_deltanet", "gla")


def baselines() -> dict[str, evaluation.Baseline]:
    known = evaluation.baselines()
    return {name: one.model_copy(update={"default": name in ALWAYS}) for name, one in known.items()}


def benchmark(
    source: str, scale: str, seed: int, mlp_hidden: int, weights: Path, *given: Any
) -> evaluation.BenchmarkReport:
    report = free.benchmark(source, scale, seed, mlp_hidden, weights, *given)
    return report.model_copy(update={"weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest()})


def measure_efficiency(source: str, scale: str, *_: Any) -> evaluation.Efficiency:
    return evaluation.Efficiency(scale=scale, clock="cpu", lengths=(), numbers={"prefill_seconds": 1e-6 * len(source)})
