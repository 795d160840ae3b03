"""The ladder of scales. A scale is data (``NAME.toml`` beside this file): model, token budgets, evaluation, limits."""

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import PositiveFloat, PositiveInt

from evaluation.launch import Limits
from evaluation.reports import Report
from evaluation.scales.frame import Frame
from evaluation.scales.large import LargeScale

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
Schedule = Literal["fall", "constant"]


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
    warmup: PositiveInt  # steps of linear rise of the learning rate
    difficulties: tuple[PositiveInt, ...] = ()
    ladder: tuple[PositiveInt, ...] = ()
    rows: PositiveInt


class Scale(Frame):
    """One rung that trains on a CPU: text and probes. Budgets are steps and tokens, never seconds."""

    # "fall": after its rise the rate holds, then falls to zero over the last half. "constant": it holds to the end, so
    # that nothing at a step depends on what is still to come, and a checkpoint is what a run cut short there ends with.
    schedule: Schedule = "fall"
    tasks: tuple[Plan, ...]
    prefix_lengths: PositiveInt  # distinct cuts per task in the causality test of the trained weights
    prefix_rows: PositiveInt  # sequences per cut
    train: Limits
    score: Limits

    @property
    def length(self) -> int:
        """Tokens of the longest task's sequences."""
        return max(plan.length for plan in self.tasks)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that one training yields: a fresh one per task."""
        return tuple(plan.task for plan in self.tasks)

    def plan(self, task: str) -> Plan:
        """The plan of one task."""
        return next(plan for plan in self.tasks if plan.task == task)


def names() -> list[str]:
    """Names of the scales that ship with the package."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in files(__name__).iterdir() if entry.name.endswith(".toml")
    )


@cache
def frame(name: str) -> Scale | LargeScale:
    """Read one scale of either kind: one that ships, by its name, or an own one, by the path of its .toml file.

    Raises ValueError if there is no such scale, or if the file is not one.
    """
    if name.endswith(".toml") and Path(name).is_file():
        text = Path(name).read_text("utf-8")
    elif name in names():
        text = files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
    else:
        raise ValueError(f"Unknown scale {name!r}; choose one of {', '.join(names())}.")
    fields = {"name": name, **_with_origin(tomllib.loads(text))}
    return LargeScale.model_validate(fields) if "run" in fields else Scale.model_validate(fields)


def _with_origin(own: dict[str, Any]) -> dict[str, Any]:
    """A scale that is ``like`` one that ships has all of that one's fields but those that it sets itself."""
    like = own.pop("like", None)
    if like is None:
        return own
    return tomllib.loads(files(__name__).joinpath(f"{like}.toml").read_text("utf-8")) | own


def scale(name: str) -> Scale:
    """Read one scale with tasks on bytes. Raises ValueError for a name that does not ship, or is of the other kind."""
    chosen = frame(name)
    if isinstance(chosen, LargeScale):
        raise ValueError(
            f"Scale {name} trains on a prepared dataset: use python -m evaluation with --scale {name} --data FOLDER."
        )
    return chosen


def large_scale(name: str) -> LargeScale:
    """Read one scale with a ``[run]``. Raises ValueError for a name that does not ship, or is of the other kind."""
    chosen = frame(name)
    if not isinstance(chosen, LargeScale):
        raise ValueError(f"Scale {name} brings its own text and takes no dataset: leave --data out.")
    return chosen
