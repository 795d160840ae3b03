"""The calls of one check run and the arrays that came back, shared by the properties in this folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Array
from evaluation.jobs import Call, Notes, Route
from evaluation.reports import Failure, FailureKind, Verdict

Floats = NDArray[np.floating]
Parameters = Literal["init", "jittered"]
Mode = Literal["eval", "train"]

TOLERANCE = 1e-9  # float64 results that must agree differ by 1e-15 in clean designs, by far more in leaking ones


@dataclass
class Plan:
    """Inputs and calls that the properties ask for. ``rng`` is the parent's: a design cannot foresee the inputs."""

    rng: np.random.Generator
    d_model: int
    full: bool = False  # the tier for finalists: longer inputs, compilation
    adapted: bool = False  # the file keeps another contract, which has masks and caches of its own
    inputs: dict[str, Array] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    metered: list[str] = field(default_factory=list)
    drawn: dict[str, Floats] = field(default_factory=dict)  # inputs that several properties use
    cuts: dict[str, list[int]] = field(default_factory=dict)  # where past and future are parted, by group of calls

    def draw(self, rows: int, length: int) -> NDArray[np.float64]:
        """A normal input [rows, length, d_model]."""
        return self.rng.standard_normal((rows, length, self.d_model))

    def call(
        self,
        name: str,
        x: Floats,
        *,
        parameters: Parameters = "init",
        mode: Mode = "eval",
        route: Route = "forward",
        seed: int = 0,
        before: Mapping[str, Floats] | None = None,
        advanced: bool = False,
        half: bool = False,
        gradient: Floats | None = None,
        wanted: Literal["input", "all"] = "input",
        kept: bool = False,
        optional: bool = False,
        extra: Mapping[str, Array] | None = None,
    ) -> None:
        """Ask for one call on ``x``; see ``evaluation.jobs.Call``. ``gradient`` is back-propagated, for the gradient of
        the input or, if ``wanted`` says so, of all parameters too. ``extra`` are arrays that the route needs."""
        self.inputs[name] = x
        if gradient is not None:
            self.inputs[f"{name}/gradient"] = gradient
        self.inputs |= {f"{name}/{key}": array for key, array in (extra or {}).items()}
        earlier = {f"{name}/{key}": array for key, array in (before or {}).items()}
        self.inputs |= earlier
        self.calls.append(
            Call(
                name=name,
                parameters=parameters,
                mode=mode,
                route=route,
                seed=seed,
                before=tuple(earlier),
                advanced=advanced,
                half=half,
                gradient=wanted if gradient is not None else "",
                kept=kept,
                optional=optional,
            )
        )


@dataclass(frozen=True)
class Results:
    """What the child returned, shapes and dtypes already judged."""

    plan: Plan
    outputs: Mapping[str, Floats]
    gradients: Mapping[str, Floats]  # "call/parameter" -> gradient
    kept: Mapping[str, Array]  # "call/parameter" -> its value after the call
    state: Mapping[str, Array]  # "parameter/name" or "buffer/name" -> initial value
    counts: Mapping[str, NDArray[np.int64]]
    notes: Notes

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the layer's parameters."""
        return tuple(name.removeprefix("parameter/") for name in self.state if name.startswith("parameter/"))


Judgement = tuple[Verdict, Failure | None]


def passed(name: str, evidence: str, **numbers: float) -> Judgement:
    """A property that holds."""
    return Verdict(property=name, verdict="pass", evidence=evidence, numbers=numbers), None


def warned(name: str, evidence: str, remedy: str, **numbers: float) -> Judgement:
    """A property that does not hold but rejects nobody."""
    return Verdict(property=name, verdict="warn", evidence=evidence, remedy=remedy, numbers=numbers), None


def failed(name: str, kind: FailureKind, message: str, remedy: str, **numbers: float) -> Judgement:
    """A property that rejects the design."""
    failure = Failure(kind=kind, message=message, remedy=remedy)
    return Verdict(property=name, verdict="fail", evidence=message, remedy=remedy, numbers=numbers), failure


def distance(a: Floats, b: Floats) -> float:
    """Largest difference, relative to the largest value of either."""
    size = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)), 1e-30)
    return float(np.abs(a - b).max(initial=0.0)) / size
