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

from scipy import stats

from tasks.agents.protocols import ComponentGain

LEVEL = 0.95
FEWEST_STEPS, FEWEST_FAMILIES = 4, 2  # for an interval
LEAST_SPREAD = 1e-9


@dataclass(frozen=True)
class _Sums:
    """Over steps: how many, and the sums of the moves, of x, of x^2 and of x * move."""

    steps: int = 0
    moved: float = 0.0
    x: float = 0.0
    square: float = 0.0
    product: float = 0.0

    def less(self, other: "_Sums") -> "_Sums":
        return _Sums(
            self.steps - other.steps, self.moved - other.moved, self.x - other.x, self.square - other.square,
            self.product - other.product,
        )  # fmt: skip

    @property
    def slope(self) -> float | None:
        """None where every step changed the choice in the same way."""
        if not self.steps:
            return None
        middle = self.x / self.steps
        spread = self.square - self.x * middle
        return (self.product - middle * self.moved) / spread if spread > LEAST_SPREAD else None


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
        self._steps, self._moved = 0, 0.0

    def add(self, child: str, parent: str, before: Mapping[str, str], after: Mapping[str, str], moved: float) -> None:
        """Count the step from a parent's choices (slot -> choice) to a child's, which moved fitness by this much."""
        steps, sum_moved = self._families.get(parent, (0, 0.0))
        self._families[parent] = (steps + 1, sum_moved + moved)
        self._steps += 1
        self._moved += moved
        for slot in before.keys() | after.keys():
            if before.get(slot) == after.get(slot):
                continue
            if slot in after:
                self._move(f"{slot}={after[slot]}", parent, 1, moved).introduced.append(child)
            if slot in before:
                self._move(f"{slot}={before[slot]}", parent, -1, moved).dropped.append(child)

    def estimates(self) -> tuple[ComponentGain, ...]:
        """The gain of every choice that some steps changed and others did not, by name."""
        found = [self._estimate(name, one) for name, one in sorted(self._choices.items())]
        return tuple(one for one in found if one is not None)

    def _move(self, name: str, family: str, x: int, moved: float) -> _Choice:
        choice = self._choices.setdefault(name, _Choice())
        sum_x, square, product = choice.sums.get(family, (0, 0, 0.0))
        choice.sums[family] = (sum_x + x, square + 1, product + x * moved)
        return choice

    def _estimate(self, name: str, one: _Choice) -> ComponentGain | None:
        x, square, product = map(sum, zip(*one.sums.values(), strict=True))
        whole = _Sums(self._steps, self._moved, x, square, product)
        if whole.slope is None:
            return None
        low, high = self._interval(one, whole, whole.slope)
        return ComponentGain(
            choice=name,
            gain=whole.slope,
            low=low,
            high=high,
            families=len(one.sums),
            introduced=tuple(one.introduced),
            dropped=tuple(one.dropped),
        )

    def _interval(self, one: _Choice, whole: _Sums, gain: float) -> tuple[float, float] | tuple[None, None]:
        if self._steps < FEWEST_STEPS or len(one.sums) < FEWEST_FAMILIES:
            return None, None
        without = []
        for parent, (steps, moved) in self._families.items():
            slope = whole.less(_Sums(steps, moved, *one.sums.get(parent, (0, 0, 0.0)))).slope
            if slope is None:
                return None, None
            without.append(slope)
        families = len(without)
        middle = sum(without) / families
        variance = sum((slope - middle) ** 2 for slope in without) * (families - 1) / families
        reach = _quantile(len(one.sums) - 1) * variance**0.5
        return gain - reach, gain + reach


@cache
def _quantile(freedom: int) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom))
