"""Two searches beside each other, at the compute that the cheaper one spent.

A failed design counts as worse than any other, so failing is paid for twice: in compute, and in the ranks. Designs of
one parent are no independent evidence, so whole families of siblings are drawn again for the intervals: percentiles of
the cluster bootstrap, which is too narrow for few clusters (Cameron, Gelbach and Miller 2008,
doi 10.1162/rest.90.3.414), so there are none below LEAST_FAMILIES. The mean of the best tenth has an interval only
where that is LEAST_BEST designs or more: resampling cannot go beyond the best that was seen. What no interval holds is
how differently each search could have gone: a search is one search, however many designs it tried.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.reports import Report

Floats = NDArray[np.float64]
RESAMPLES = 4000
TAILS = (2.5, 97.5)  # percentiles
LEAST_DESIGNS = 10  # that have a fitness, of each search
LEAST_FAMILIES = 10  # of each search, for an interval
LEAST_BEST = 10  # designs of which a mean of the best is taken, for an interval
TENTH = 0.1


class Evaluated(NamedTuple):
    """What one evaluation of a search cost and found, in the order in which they ended."""

    cpu_seconds: float
    design: bool  # not so of an ablation, which costs and finds no design
    fitness: float | None = None  # none of a failed design
    family: str = ""  # whoever shares it is drawn together; empty: nobody


class Side(Report):
    """One search up to the shared compute."""

    cpu_seconds: float  # spent on what had ended
    designs: int
    failures: int
    families: int
    above: float  # share of designs above the reference
    median: float | None  # fitness; none where most designs failed
    top_tenth: float | None  # mean fitness of the best tenth of its designs; none where some of them failed
    best: float


class Between(Report):
    """First search minus second, with its 95% interval where there is one."""

    difference: float
    low: float | None = None
    high: float | None = None


class Searches(Report):
    """Two searches at equal compute."""

    cpu_seconds: float  # the most that each was let spend
    first: Side
    second: Side
    differences: dict[str, Between]  # of above, median and top_tenth, where both have one


def compare_searches(
    first: Sequence[Evaluated], second: Sequence[Evaluated], resamples: int = RESAMPLES, seed: int = 0
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
    ended = [_within(each, compute) for each in (first, second)]
    within = [_designs(each) for each in ended]
    for name, designs in zip(("first", "second"), within, strict=True):
        able = sum(one.fitness is not None for one in designs)
        if able < LEAST_DESIGNS:
            raise ValueError(
                f"At {compute / 3600:.2f} CPU-hours the {name} search has {able} designs with a fitness, and "
                f"{LEAST_DESIGNS} are needed: let both go on."
            )
    rng = np.random.default_rng(seed)
    sides = [_side(each) for each in ended]
    told = [_statistics(_scores(designs)) for designs in within]
    drawn = [_drawn(designs, resamples, rng) for designs in within]
    enough = min(one.families for one in sides) >= LEAST_FAMILIES
    tenth = min(len(designs) for designs in within) * TENTH >= LEAST_BEST
    differences = {}
    for name in told[0]:
        if not all(math.isfinite(one[name]) for one in told):
            continue
        here = told[0][name] - told[1][name]
        able = enough and (tenth or name != "top_tenth") and all(np.isfinite(one[name]).all() for one in drawn)
        low, high = np.percentile(drawn[0][name] - drawn[1][name], TAILS) if able else (None, None)
        differences[name] = Between(difference=here, low=low, high=high)
    return Searches(cpu_seconds=compute, first=sides[0], second=sides[1], differences=differences)


def _within(evaluated: Sequence[Evaluated], compute: float) -> list[Evaluated]:
    """The evaluated that had ended when so much was spent."""
    spent, found = 0.0, []
    for one in evaluated:
        spent += one.cpu_seconds
        if spent > compute * (1 + 1e-9):
            break
        found.append(one)
    return found


def _scores(designs: Sequence[Evaluated]) -> Floats:
    return np.array([-np.inf if one.fitness is None else one.fitness for one in designs], dtype=np.float64)


def _statistics(scores: Floats) -> dict[str, float]:
    """What is compared; a median of -inf says that most failed."""
    best = np.sort(scores)[::-1][: max(1, math.ceil(TENTH * len(scores)))]
    return {"above": float(np.mean(scores > 0)), "median": _median(scores), "top_tenth": float(np.mean(best))}


def _median(scores: Floats) -> float:
    """The lower median, which no average of a failure and a fitness can be."""
    return float(np.sort(scores)[(len(scores) - 1) // 2])


def _drawn(designs: Sequence[Evaluated], resamples: int, rng: np.random.Generator) -> Mapping[str, Floats]:
    """The statistics of searches that drew as many families again, each as likely as the others."""
    scores = [_scores(some) for some in _families(designs)]
    draws = rng.integers(len(scores), size=(resamples, len(scores)))
    found = [_statistics(np.concatenate([scores[place] for place in chosen])) for chosen in draws]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _families(designs: Sequence[Evaluated]) -> list[list[Evaluated]]:
    found: dict[str, list[Evaluated]] = {}
    for place, one in enumerate(designs):
        found.setdefault(one.family or f"alone {place}", []).append(one)
    return list(found.values())


def _side(ended: Sequence[Evaluated]) -> Side:
    designs = _designs(ended)
    told = _statistics(_scores(designs))
    return Side(
        cpu_seconds=sum(one.cpu_seconds for one in ended),
        designs=len(designs),
        failures=sum(one.fitness is None for one in designs),
        families=len(_families(designs)),
        above=told["above"],
        median=told["median"] if math.isfinite(told["median"]) else None,
        top_tenth=told["top_tenth"] if math.isfinite(told["top_tenth"]) else None,
        best=float(np.max(_scores(designs))),
    )


def _designs(ended: Sequence[Evaluated]) -> list[Evaluated]:
    return [one for one in ended if one.design]
