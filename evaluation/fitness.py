"""One number to rank designs by: the mean gain over the reference, in units of how good designs differ anyway.

The unit of an objective is sqrt(noise^2 + spread^2): noise is the reference's standard deviation over seeds, spread the
baseline panel's over designs. In units of noise alone every good design would saturate and tie.
"""

import math
from collections.abc import Mapping, Sequence

from pydantic import FiniteFloat

from evaluation.objectives import sign
from evaluation.reports import Report


class Panel(Report):
    """What gains are measured against, per objective: the reference's seeds, and each baseline's (mean) value."""

    reference: dict[str, tuple[FiniteFloat, ...]]
    baselines: dict[str, dict[str, FiniteFloat]]


class Gain(Report):
    """A design's gain over the reference in one objective; positive is better."""

    gain: FiniteFloat  # in the objective's own unit
    unit: FiniteFloat  # sqrt(noise^2 + spread^2)
    normalised: FiniteFloat  # gain / unit
    in_noise: FiniteFloat | None  # gain in standard deviations of the reference's seeds; None if they do not differ


class Fitness(Report):
    """``value`` ranks designs; ``display`` in (0, 1) is for people only."""

    version: int = 1
    value: FiniteFloat
    display: FiniteFloat
    gains: dict[str, Gain]


def fitness(objectives: Mapping[str, float], panel: Panel) -> Fitness:
    """Mean over objectives of gain / unit. Raises ValueError when the panel cannot give a unit or objectives differ."""
    if set(objectives) != set(panel.reference) or not objectives:
        raise ValueError(
            f"The design has objectives {sorted(objectives)} but the panel {sorted(panel.reference)}; "
            "benchmark both at the same scale."
        )
    gains = {name: _gain(name, float(value), panel) for name, value in objectives.items()}
    value = math.fsum(gain.normalised for gain in gains.values()) / len(gains)
    return Fitness(value=value, display=1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, value)))), gains=gains)


def reference_noise(panel: Panel) -> dict[str, float]:
    """Objective -> one standard deviation of the reference over its seeds, in the unit that gains are given in.

    Objectives for which the panel has no unit are left out.
    """
    noise: dict[str, float] = {}
    for objective, seeds in panel.reference.items():
        baselines = [scores[objective] for scores in panel.baselines.values() if objective in scores]
        if len(seeds) > 1 and len(baselines) > 1:
            unit = math.hypot(deviation(seeds), deviation(baselines))
            if unit > 0:
                noise[objective] = deviation(seeds) / unit
    return noise


def _gain(objective: str, value: float, panel: Panel) -> Gain:
    seeds = panel.reference[objective]
    baselines = [scores[objective] for scores in panel.baselines.values() if objective in scores]
    if len(seeds) < 2 or len(baselines) < 2:
        raise ValueError(
            f"Fitness in {objective} needs at least 2 reference seeds and 2 baselines, given {len(seeds)} and "
            f"{len(baselines)}; train more of them first."
        )
    noise, spread = deviation(seeds), deviation(baselines)
    unit = math.hypot(noise, spread)
    if unit == 0.0:
        raise ValueError(
            f"All reference seeds and baselines agree in {objective}, so gains have no unit; use more seeds."
        )
    gain = sign(objective) * (value - mean(seeds))
    return Gain(gain=gain, unit=unit, normalised=gain / unit, in_noise=gain / noise if noise > 0 else None)


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean."""
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation (ddof 1)."""
    centre = mean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))
