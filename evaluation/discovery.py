"""Which of a campaign's confirmations are discoveries, while the campaign grows: online false-discovery control.

LORD++ of Ramdas, Yang, Wainwright and Jordan, "Online control of the false discovery rate with decaying memory" (2017,
arXiv 1710.00499). Each test gets a level from what was spent and what discoveries earned back before it, so
that of all that is called a discovery at any time at most a share of ``RATE`` is expected to be luck. A level depends
on the past alone: a verdict never changes when more designs are tested.

That is proven for p-values that are independent of each other. Those of a campaign share a baseline and a pooled
variance, so for them it is an approximation; ``evaluation.bench.null`` measures how often it is wrong.
"""

import math
from collections.abc import Sequence

RATE = 0.05
_FIRST = 0.9  # share of the rate that may be spent before any discovery: most campaigns make none
_HORIZON = 100_000  # tests over which the spending sequence is normalised; more than any campaign has


def levels(p_values: Sequence[float], rate: float = RATE) -> list[float]:
    """The level that each test in turn is held against; a p-value at or below its level is a discovery.

    Raises ValueError for a p-value outside [0, 1] or a rate outside (0, 1).
    """
    if not 0 < rate < 1 or not all(0 <= p <= 1 for p in p_values):
        raise ValueError("p-values must lie in [0, 1] and the rate between 0 and 1.")
    found: list[int] = []  # numbers of the tests that were discoveries
    given: list[float] = []
    for number, p in enumerate(p_values, start=1):
        level = next_level(number, found, rate)
        given.append(level)
        if p <= level:
            found.append(number)
    return given


def next_level(number: int, discoveries: Sequence[int], rate: float = RATE) -> float:
    """The level of test ``number`` (from 1), after discoveries at the tests with the given earlier numbers."""
    first_wealth = _FIRST * rate
    level = first_wealth * _share(number)
    for order, discovery in enumerate(discoveries):
        level += (rate - first_wealth if order == 0 else rate) * _share(number - discovery)
    return level


def _share(step: int) -> float:
    """How much of a sum is spent ``step`` tests after it was earned; all shares together are 1."""
    return _raw(step) / _TOTAL


def _raw(step: int) -> float:
    # Any falling sequence is valid. The authors' spends a tenth on the first test; a campaign confirms some ten
    # designs, so this one falls slowly over the first ten, which get a third, and leaves two thirds for later ones.
    return math.pow(step + 10, -1.6)


_TOTAL = math.fsum(_raw(step) for step in range(1, _HORIZON + 1))
