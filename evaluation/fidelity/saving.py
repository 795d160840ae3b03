"""What a ladder saves at equal recall, chosen on one half of the designs and measured on the other.

A ladder's recall is the share of the truly best designs that it ends with. Training in random order, each design to the
end, reaches any recall too, in proportion to how many designs it trains: what that costs, over what the ladder costs,
is the saving. It needs no judgement of when two recalls are equal, and early rungs of pure noise save nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import FiniteFloat

from evaluation.fidelity.grid import Floats, Grid
from evaluation.fidelity.ladder import Climb, Ladder, climb, ladders, true_best
from evaluation.reports import Report

RESAMPLES = 400
CLOSE = 0.9  # a ladder is chosen only if it keeps this share of the recall of training everything


class Interval(Report):
    """A value on the designs themselves, with the middle 95% of values on designs resampled with replacement."""

    value: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat


class Saving(Report):
    """One ladder, chosen on designs other than those it was measured on."""

    ladder: Ladder | None  # None: no ladder saved anything where it was to be chosen
    designs: int
    recall: Interval
    full_recall: Interval  # of training everything to the end, with as many seeds at the end
    saving: Interval  # of CPU-seconds of training and scoring
    saving_with_checks: Interval  # compile-check included, which every design needs
    saving_anew: Interval  # if trainings cannot be paused: every rung begins again


def savings(grid: Grid, wanted: int, seeds: int, rng: np.random.Generator) -> tuple[Saving, ...]:
    """Split designs at random; choose the best ladder on each half and measure it on the other."""
    order = rng.permutation(len(grid.names))
    halves = [np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])]
    found = []
    for chosen_on, measured_on in (halves, halves[::-1]):
        ladder = _choose(grid.of(chosen_on), wanted, seeds, rng)
        found.append(_measure(grid.of(measured_on), ladder, wanted, seeds, rng))
    return tuple(found)


@dataclass(frozen=True)
class Yardstick:
    """What a ladder on this grid is held against."""

    grid: Grid
    best: set[int]
    full: Climb  # of training everything to the end


def yardstick(grid: Grid, wanted: int, seeds: int) -> Yardstick:
    """For ladders with ``seeds`` at their end."""
    everything = Ladder(shares=grid.shares[-1:], eta=1, seeds=seeds)
    return Yardstick(grid, true_best(grid, wanted), climb(grid, everything, wanted))


def measured(held: Yardstick, ladder: Ladder, wanted: int) -> Floats:
    """[5]: recall, recall of training everything, saving, the same with checks, and without pauses."""
    own, full = climb(held.grid, ladder, wanted), held.full
    recall, full_recall = (len(held.best & set(one.best.tolist())) / len(held.best) for one in (own, full))
    needed = min(1.0, recall / full_recall) if full_recall > 0 else 1.0  # of all designs, in random order
    checks = float(held.grid.checking.sum())
    return np.array(
        [
            recall,
            full_recall,
            needed * full.spent / own.spent,
            needed * (full.spent + checks) / (own.spent + checks),
            needed * full.spent_anew / own.spent_anew,
        ]
    )


def _choose(grid: Grid, wanted: int, seeds: int, rng: np.random.Generator) -> Ladder | None:
    """The ladder that saves most over resampled designs, among those that keep recall close to that of training all."""
    samples = [yardstick(grid.of(drawn), wanted, seeds) for drawn in _resamples(grid, 40, rng)]
    best, most = None, 1.0
    for ladder in ladders(grid.shares, seeds):
        recall, full, saving, *_ = np.mean([measured(one, ladder, wanted) for one in samples], axis=0)
        if saving > most and recall >= CLOSE * full:
            best, most = ladder, saving
    return best


def _measure(grid: Grid, ladder: Ladder | None, wanted: int, seeds: int, rng: np.random.Generator) -> Saving:
    taken = ladder or Ladder(shares=grid.shares[-1:], eta=1, seeds=seeds)
    here = measured(yardstick(grid, wanted, seeds), taken, wanted)
    samples = (yardstick(grid.of(one), wanted, seeds) for one in _resamples(grid, RESAMPLES, rng))
    again = np.array([measured(one, taken, wanted) for one in samples])
    intervals = [_interval(value, column) for value, column in zip(here, again.T, strict=True)]
    return Saving(
        ladder=ladder,
        designs=len(grid.names),
        recall=intervals[0],
        full_recall=intervals[1],
        saving=intervals[2],
        saving_with_checks=intervals[3],
        saving_anew=intervals[4],
    )


def _resamples(grid: Grid, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.integers(len(grid.names), size=len(grid.names)) for _ in range(count)]


def _interval(value: float, again: Sequence[float] | Floats) -> Interval:
    low, high = np.quantile(again, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))
