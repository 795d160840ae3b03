"""The ladder of scales. A scale is data (``NAME.toml`` beside this file): model, token budgets, evaluation, limits."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from evaluation.launch import Limits
from evaluation.reports import Report

TaskName = Literal[
    "text",
    "recall",
    "copy",
    "mqar",
    "fuzzy_recall",
    "noisy_recall",
    "memorisation",
    "compression",
    "parity",
    "s3",
]


class Plan(Report):
    """How one task is trained and evaluated.

    A training step sees ``batch`` sequences of ``length`` tokens. ``difficulties``, easiest first, are what a training
    batch draws from (keys to recall, tokens to copy, steps to follow, ...); ``ladder`` are the held-out ones, ``rows``
    sequences each. For text, ``rows`` counts windows of the validation text.
    """

    task: TaskName
    batch: PositiveInt
    length: PositiveInt
    steps: PositiveInt
    learning_rate: PositiveFloat
    warmup: PositiveInt  # steps of linear rise; the rate holds, then falls to zero over the last half
    difficulties: tuple[PositiveInt, ...] = ()
    ladder: tuple[PositiveInt, ...] = ()
    rows: PositiveInt


class Scale(Report):
    """One rung of the ladder. Budgets are steps and tokens, never seconds; limits only end what has gone wrong."""

    name: str
    title: str
    d_model: PositiveInt
    n_heads: PositiveInt
    n_layers: PositiveInt
    vocabulary: PositiveInt
    mlp_hidden: PositiveInt  # of the reference
    reference_parameters: PositiveInt  # of the whole reference model; every design is matched to it within 2%
    weight_decay: float
    clip: PositiveFloat  # global gradient norm
    tasks: tuple[Plan, ...]
    prefix_lengths: PositiveInt  # distinct cuts per task in the causality test of the trained weights
    prefix_rows: PositiveInt  # sequences per cut
    check: Limits
    train: Limits
    score: Limits

    def plan(self, task: str) -> Plan:
        """The plan of one task."""
        return next(plan for plan in self.tasks if plan.task == task)


def names() -> list[str]:
    """Names of the scales that ship with the package."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in files(__name__).iterdir() if entry.name.endswith(".toml")
    )


@cache
def scale(name: str) -> Scale:
    """Read one scale. Raises ValueError for a name that does not ship."""
    if name not in names():
        raise ValueError(f"Unknown scale {name!r}; choose one of {', '.join(names())}.")
    return Scale.model_validate(
        {"name": name, **tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))}
    )
