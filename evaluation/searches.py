"""Two searches beside each other, at the compute that the cheaper one spent.

A failed design counts as worse than any other, so failing is paid for twice: in compute, and in the ranks. Designs of
one parent are no independent evidence, so whole families of siblings are drawn again for the intervals (Cameron,
Gelbach and Miller 2008, doi 10.1162/rest.90.3.414, for why; percentiles of a cluster bootstrap). What the intervals do
not hold is how differently each search could have gone: a search is one search, however many designs it tried.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.reports import Report

Floats = NDArray[np.float64]
RESAMPLES = 4000
LEVEL = 0.95
LEAST_DESIGNS = 10  # that have a fitness, of each search
TENTH = 0.1


class Trial(NamedTuple):
    """What one evaluation of a search cost and found, in the order in which they ended."""

    cpu_seconds: float
    design: bool  # not so of an ablation, which costs and finds no design
    fitness: float | None = None  # none of a failed design
    family: str = ""  # whoever shares it is drawn together; empty: nobody


class Side(Report):
    """One search up to the shared compute."""

    designs: int
    failures: int
    above: float  # share of designs above the reference
    median: float | None  # fitness; none where most designs failed
    top_tenth: float  # mean fitness of the best tenth of its designs
    best: float


class Between(Report):
    """First search minus second, with its 95% interval."""

    difference: float
    low: float
    high: float


class Searches(Report):
    """Two searches at equal compute."""

    cpu_seconds: float  # that each had spent
    first: Side
    second: Side
    differences: dict[str, Between]  # above, median (where both have one), top_tenth


def compare_searches(
    first: Sequence[Trial], second: Sequence[Trial], resamples: int = RESAMPLES, seed: int = 0
) -> Searches:
    """Two searches at the compute that the cheaper one spent.

    Args:
        first: its evaluations.
        second: of the other search, in the same units of fitness.
        resamples: draws of families, for the intervals.
        seed: of the draws.

    Raises:
        ValueError: one of them has fewer than LEAST_DESIGNS designs with a fitness within that compute.
    """
    compute = min(sum(one.cpu_seconds for one in each) for each in (first, second))
    within = [_within(each, compute) for each in (first, second)]
    for name, designs in zip(("first", "second"), within, strict=True):
        able = sum(one.fitness is not None for one in designs)
        if able < LEAST_DESIGNS:
            raise ValueError(
                f"At {compute / 3600:.2f} CPU-hours the {name} search has {able} designs with a fitness, and "
                f"{LEAST_DESIGNS} are needed: let both go on."
            )
    rng = np.random.default_rng(seed)
    told = [_statistics(_scores(designs)) for designs in within]
    drawn = [_drawn(designs, resamples, rng) for designs in within]
    tails = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    differences = {}
    for name in told[0]:
        here = told[0][name] - told[1][name]
        if math.isfinite(here):
            spread = drawn[0][name] - drawn[1][name]
            low, high = np.percentile(spread[np.isfinite(spread)], tails)
            differences[name] = Between(difference=here, low=float(low), high=float(high))
    sides = [_side(designs, one) for designs, one in zip(within, told, strict=True)]
    return Searches(cpu_seconds=compute, first=sides[0], second=sides[1], differences=differences)


def _within(trials: Sequence[Trial], compute: float) -> list[Trial]:
    """The designs that had ended when so much was spent."""
    spent, found = 0.0, []
    for one in trials:
        spent += one.cpu_seconds
        if spent > compute * (1 + 1e-9):
            break
        if one.design:
            found.append(one)
    return found


def _scores(designs: Sequence[Trial]) -> Floats:
    return np.array([-np.inf if one.fitness is None else one.fitness for one in designs], dtype=np.float64)


def _statistics(scores: Floats) -> dict[str, float]:
    """What is compared; a median of -inf says that most failed."""
    best = np.sort(scores)[::-1][: max(1, math.ceil(TENTH * len(scores)))]
    return {"above": float(np.mean(scores > 0)), "median": _median(scores), "top_tenth": float(np.mean(best))}


def _median(scores: Floats) -> float:
    """The lower median, which no average of a failure and a fitness can be."""
    return float(np.sort(scores)[(len(scores) - 1) // 2])


def _drawn(designs: Sequence[Trial], resamples: int, rng: np.random.Generator) -> Mapping[str, Floats]:
    """The statistics of searches that drew as many families again, each as likely as the others."""
    families: dict[str, list[Trial]] = {}
    for place, one in enumerate(designs):
        families.setdefault(one.family or f"alone {place}", []).append(one)
    scores = [_scores(some) for some in families.values()]
    found = []
    for chosen in rng.integers(len(scores), size=(resamples, len(scores))):
        found.append(_statistics(np.concatenate([scores[place] for place in chosen])))
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _side(designs: Sequence[Trial], told: Mapping[str, float]) -> Side:
    return Side(
        designs=len(designs),
        failures=sum(one.fitness is None for one in designs),
        above=told["above"],
        median=told["median"] if math.isfinite(told["median"]) else None,
        top_tenth=told["top_tenth"],
        best=float(np.max(_scores(designs))),
    )
