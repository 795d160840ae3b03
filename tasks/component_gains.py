"""What choices gain: children against the parents that they improve, with intervals for which siblings count together.

The step from a parent to its child changes a few slots and moves fitness by some amount. For one choice, x is +1 in a
step that introduces it, -1 in one that gives it up, and 0 in all others; its gain is the slope of the amount over x, by
least squares with an intercept: what taking it up is worth, beyond what any change costs. Comparing designs with a
choice with those without it would credit a choice with all that its lineage has besides.

Children of one parent are measured against the same noisy number, and are one family: the variance of the slope is the
jackknife's over families (Miller, "The jackknife: a review", 1974), each left out as a whole, with t quantiles for one
degree of freedom fewer than there are families with x other than 0.

All of it comes from sums that grow by one step at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tasks.agents.protocols import ComponentGain

LEVEL = 0.95
FEWEST_STEPS, FEWEST_FAMILIES = 4, 2  # for an interval
LEAST_SPREAD = 1e-9

Numbers = NDArray[np.float64]


@dataclass
class _Choice:
    """One choice: where it was taken up and given up, and sums of x, x^2 and x * move for each family."""

    introduced: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    sums: dict[str, tuple[int, int, float]] = field(default_factory=dict)


class ComponentGains:
    """The statistics of one campaign."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[int, float]] = {}  # parent -> steps from it, and the sum of their moves
        self._choices: dict[str, _Choice] = {}

    def add(self, child: str, parent: str, before: Mapping[str, str], after: Mapping[str, str], moved: float) -> None:
        """Count the step from a parent's choices (slot -> choice) to a child's, which moved fitness by this much."""
        steps, sum_moved = self._families.get(parent, (0, 0.0))
        self._families[parent] = (steps + 1, sum_moved + moved)
        for slot in before.keys() | after.keys():
            if before.get(slot) == after.get(slot):
                continue
            if slot in after:
                self._move(f"{slot}={after[slot]}", parent, 1, moved).introduced.append(child)
            if slot in before:
                self._move(f"{slot}={before[slot]}", parent, -1, moved).dropped.append(child)

    def estimates(self) -> tuple[ComponentGain, ...]:
        """The gain of every choice that some steps changed and others did not, by name."""
        families = np.array(list(self._families.values())).reshape(-1, 2).T
        places = {name: place for place, name in enumerate(self._families)}
        found = [_estimate(name, one, families, places) for name, one in sorted(self._choices.items())]
        return tuple(one for one in found if one is not None)

    def _move(self, name: str, family: str, x: int, moved: float) -> _Choice:
        choice = self._choices.setdefault(name, _Choice())
        sum_x, square, product = choice.sums.get(family, (0, 0, 0.0))
        choice.sums[family] = (sum_x + x, square + 1, product + x * moved)
        return choice


def _estimate(name: str, one: _Choice, families: Numbers, places: Mapping[str, int]) -> ComponentGain | None:
    """What one choice gains. ``families`` [2, N]: of each, its steps and the sum of their moves; ``places``: where."""
    sums = np.zeros((5, families.shape[1]))  # of each family: its steps, and the sums of moves, x, x^2 and x * move
    sums[:2] = families
    sums[2:, [places[name] for name in one.sums]] = np.array(list(one.sums.values())).T
    whole = sums.sum(axis=1, keepdims=True)
    slope = _slopes(whole)
    if slope is None:
        return None
    gain = float(slope[0])
    low, high = _interval(gain, len(one.sums), whole, sums)
    return ComponentGain(
        choice=name,
        gain=gain,
        low=low,
        high=high,
        families=len(one.sums),
        introduced=tuple(one.introduced),
        dropped=tuple(one.dropped),
    )


def _interval(gain: float, changed: int, whole: Numbers, sums: Numbers) -> tuple[float, float] | tuple[None, None]:
    """Of a gain whose choice so many families changed: the jackknife's, from sums of all [5, 1] and each [5, N]."""
    if whole[0, 0] < FEWEST_STEPS or changed < FEWEST_FAMILIES:
        return None, None
    without = _slopes(whole - sums)
    if without is None:
        return None, None
    families = len(without)
    variance = float(((without - without.mean()) ** 2).sum()) * (families - 1) / families
    reach = _quantile(changed - 1) * variance**0.5
    return gain - reach, gain + reach


def _slopes(sums: Numbers) -> Numbers | None:
    """Of columns of sums [5, N]: the slopes [N]. None where every step of one changed the choice in the same way."""
    steps, moved, x, square, product = sums
    middle = x / steps
    spread = square - x * middle
    return None if (spread <= LEAST_SPREAD).any() else (product - middle * moved) / spread


@cache
def _quantile(freedom: int) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom))
