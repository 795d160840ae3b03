"""The domain whose evaluations cost nothing, for campaigns of the docs: two baselines, and those asked for."""

import evaluation
from tasks.bench.free import *  # noqa: F403

ALWAYS = ("gated_deltanet", "gla")


def baselines() -> dict[str, evaluation.Baseline]:
    known = evaluation.baselines()
    return {name: one.model_copy(update={"default": name in ALWAYS}) for name, one in known.items()}
