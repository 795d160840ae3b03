"""The calls of one check run and the arrays that came back, shared by the properties in this folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array
from evaluation.jobs import Call
from evaluation.reports import Failure, Verdict

Floats = NDArray[np.floating]

TOLERANCE = 1e-9  # float64 results that must agree differ by 1e-15 in clean designs, by far more in leaking ones


@dataclass
class Plan:
    """Inputs and calls that the properties ask for. ``rng`` is the parent's: a design cannot foresee the inputs."""

    rng: np.random.Generator
    d_model: int
    inputs: dict[str, Array] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def draw(self, rows: int, length: int) -> NDArray[np.float64]:
        """A normal input [rows, length, d_model]."""
        return self.rng.standard_normal((rows, length, self.d_model))

    def call(
        self,
        name: str,
        x: Floats,
        *,
        parameters: Literal["init", "jittered"] = "init",
        mode: Literal["eval", "train"] = "eval",
        seed: int = 0,
        repeats: int = 1,
        gradient: Floats | None = None,
    ) -> None:
        """Ask for one forward call on ``x``."""
        self.inputs[name] = x
        if gradient is not None:
            self.inputs[f"{name}/gradient"] = gradient
        self.calls.append(
            Call(
                name=name,
                input=name,
                parameters=parameters,
                mode=mode,
                seed=seed,
                repeats=repeats,
                gradient=f"{name}/gradient" if gradient is not None else "",
            )
        )


@dataclass(frozen=True)
class Results:
    """What the child returned, shapes and dtypes already judged."""

    plan: Plan
    outputs: Mapping[str, Floats]
    gradients: Mapping[str, Floats]  # "call/parameter" -> gradient
    parameter_names: tuple[str, ...]


Judgement = tuple[Verdict, Failure | None]


def passed(name: str, evidence: str) -> Judgement:
    """A property that holds."""
    return Verdict(property=name, verdict="pass", evidence=evidence), None


def warned(name: str, evidence: str, remedy: str) -> Judgement:
    """A property that does not hold but rejects nobody."""
    return Verdict(property=name, verdict="warn", evidence=evidence, remedy=remedy), None


def failed(name: str, failure: Failure) -> Judgement:
    """A property that rejects the design."""
    return Verdict(property=name, verdict="fail", evidence=failure.message, remedy=failure.remedy), failure


def distance(a: Floats, b: Floats) -> float:
    """Largest difference, relative to the largest value of either."""
    size = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)), 1e-30)
    return float(np.abs(a - b).max(initial=0.0)) / size
