"""Is a design better than the reference, or is it luck? Student t with pooled variance over seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import FiniteFloat

from evaluation.fitness import deviation, mean
from evaluation.objectives import sign
from evaluation.reports import Report

CONFIDENCE = 0.95
VerdictWord = Literal["better", "worse", "within noise"]


class Difference(Report):
    """Candidate minus reference with its 95% interval, in the objective's own unit, and what that means."""

    difference: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat
    degrees: int  # of freedom
    verdict: VerdictWord


class Comparison(Report):
    """Per objective, and for the mean gain over objectives in units of seed-to-seed deviation (positive is better)."""

    version: int = 1
    objectives: dict[str, Difference]
    mean_gain: Difference
    sentence: str


def compare(candidate: Mapping[str, Sequence[float]], reference: Mapping[str, Sequence[float]]) -> Comparison:
    """Compare seeds per objective. One candidate seed is enough: the variance then comes from the reference's seeds.

    Value i of every objective must come from the same seed: the mean gain keeps what a seed does to all of them.
    Raises ValueError for differing objectives or seed counts and for fewer than 2 reference seeds.
    """
    _validate(candidate, reference)
    objectives = {name: _difference(values, reference[name], sign(name)) for name, values in candidate.items()}
    combined = _difference(*_composites(candidate, reference), 1.0)
    return Comparison(objectives=objectives, mean_gain=combined, sentence=_sentence(objectives, combined, candidate))


def _validate(candidate: Mapping[str, Sequence[float]], reference: Mapping[str, Sequence[float]]) -> None:
    if set(candidate) != set(reference) or not candidate:
        raise ValueError(
            f"Objectives differ: candidate {sorted(candidate)}, reference {sorted(reference)}; benchmark both alike."
        )
    for who, values, least in (("candidate", candidate, 1), ("reference", reference, 2)):
        counts = {len(seeds) for seeds in values.values()}
        if len(counts) != 1 or min(counts) < least:
            raise ValueError(
                f"The {who} has {sorted(counts)} seeds per objective; give at least {least}, the same number for each."
            )


def _pooled(a: Sequence[float], b: Sequence[float]) -> float:
    """Pooled standard deviation; a group of one adds nothing to it."""
    squares = sum((len(group) - 1) * deviation(group) ** 2 for group in (a, b) if len(group) > 1)
    return math.sqrt(squares / (len(a) + len(b) - 2))


def _difference(a: Sequence[float], b: Sequence[float], better: float) -> Difference:
    from scipy.stats import t  # here, because it takes longer to import than all the rest of evaluation

    degrees = len(a) + len(b) - 2
    change = mean(a) - mean(b)
    error = _pooled(a, b) * math.sqrt(1 / len(a) + 1 / len(b))
    half = float(t.ppf((1 + CONFIDENCE) / 2, degrees)) * error
    rounding = 1e-12 * max(abs(mean(a)), abs(mean(b)), 1.0)  # so that equal means never count as a difference
    verdict: VerdictWord = "within noise"
    if abs(change) > half + rounding:
        verdict = "better" if better * change > 0 else "worse"
    return Difference(difference=change, low=change - half, high=change + half, degrees=degrees, verdict=verdict)


def _composites(
    candidate: Mapping[str, Sequence[float]], reference: Mapping[str, Sequence[float]]
) -> tuple[list[float], list[float]]:
    """Per seed, the mean over objectives of the gain in pooled deviations. Objectives that never vary are left out."""
    units = {name: _pooled(candidate[name], reference[name]) for name in candidate}
    usable = [name for name, unit in units.items() if unit > 0]

    def composite(values: Mapping[str, Sequence[float]], seed: int) -> float:
        gains = [sign(name) * (values[name][seed] - mean(reference[name])) / units[name] for name in usable]
        return mean(gains) if gains else 0.0

    def per_seed(values: Mapping[str, Sequence[float]]) -> list[float]:
        return [composite(values, seed) for seed in range(len(next(iter(values.values()))))]

    return per_seed(candidate), per_seed(reference)


def _sentence(
    objectives: Mapping[str, Difference], combined: Difference, candidate: Mapping[str, Sequence[float]]
) -> str:
    seeds = len(next(iter(candidate.values())))
    parts = [f"{name} {found.difference:+.3g} ({found.verdict})" for name, found in objectives.items()]
    return (
        f"Over {seeds} seed{'s' if seeds > 1 else ''}, the design is {combined.verdict} on average "
        f"against the reference: {', '.join(parts)}."
    )
