"""The usual domain with fewer baselines, so that whole campaigns are cheap: the reference and one to improve."""

from collections.abc import Mapping

import evaluation
from evaluation import (
    MEASURES,
    Baseline,
    baseline_source,
    benchmark,
    ceilings,
    check,
    claims,
    compare,
    corpus,
    fitness,
    library,
    measure_efficiency,
    objectives_of,
    of_training,
    scale,
    train,
)

__all__ = [
    "MEASURES", "baseline_source", "baselines", "benchmark", "ceilings", "check", "claims", "compare", "corpus",
    "fitness", "library", "measure_efficiency", "objectives_of", "of_training", "scale", "train",
]  # fmt: skip


def baselines() -> Mapping[str, Baseline]:
    return {name: one for name, one in evaluation.baselines().items() if name in ("gated_deltanet", "gla")}
