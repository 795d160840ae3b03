"""How large a gain a test on fresh seeds would have found: what a design that is no breakthrough can still be."""

import math

POWER = 0.8  # how often a gain of that size is found: four times in five, as is usual


def smallest_found(deviation: float, degrees: int, seeds: int, level: float, power: float = POWER) -> float:
    """The true gain that a one-sided paired t test finds with the given ``power``.

    The test statistic then follows a noncentral t whose shift is gain * sqrt(seeds) / deviation (Cohen, "Statistical
    power analysis for the behavioral sciences", 1988, chapter 2).

    Args:
        deviation: of a single difference, in the gain's unit; taken for the true one.
        degrees: of freedom of that estimate.
        seeds: pairs in the test.
        level: what its p-value is held against.
        power: how often it shall be found; above ``level``.

    Raises:
        ValueError: a number that no test has.
    """
    if deviation < 0 or degrees < 1 or seeds < 1 or not 0 < level < power < 1:
        raise ValueError(
            f"No test has a deviation of {deviation}, {degrees} degrees of freedom, {seeds} seeds, level {level} and "
            f"power {power}: give a level below the power, both between 0 and 1."
        )
    from scipy.optimize import brentq  # here, because they take longer to import than all the rest of evaluation
    from scipy.stats import nct, t

    needed = float(t.isf(level, degrees))

    def short(shift: float) -> float:
        return float(nct.sf(needed, degrees, shift)) - power

    highest = max(needed, 1.0)
    while short(highest) < 0:
        highest *= 2
    return float(brentq(short, 0.0, highest)) * deviation / math.sqrt(seeds)
