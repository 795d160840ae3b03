"""Axes: where a value lies on the paper, and which values get a tick."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from flows.report.contents import Part


class Axis(Part):
    """Maps ``low``..``high`` onto ``start``..``end``; what lies beyond is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """About four round values inside the axis."""
        return _decades(self.low, self.high) if self.logarithmic else _steps(self.low, self.high)


def linear(values: Iterable[float], start: float, end: float, margin: float = 0.06) -> Axis:
    """An axis that holds the values and a margin (a share of their range) on both sides."""
    given = list(values) or [0.0]
    low, high = min(given), max(given)
    room = (high - low) * margin or max(abs(high), 1.0) * 0.5
    return Axis(low=low - room, high=high + room, start=start, end=end)


def of_fitness(values: Iterable[float], start: float, end: float) -> Axis:
    """An axis with 0, the reference, on it. What lies far below is cut, since good designs are close to each other."""
    given = [0.0, *values]
    lowest = -max(1.0, *given)
    return linear([max(value, lowest) for value in given], start, end)


def logarithmic(values: Iterable[float], start: float, end: float, floor: float) -> Axis:
    """An axis over the decades of the values; what is below ``floor`` is drawn at its lower edge."""
    given = [max(value, floor) for value in values] or [1.0]
    return Axis(low=min(given) / 1.15, high=max(given) * 1.15, start=start, end=end, logarithmic=True)


def tick_label(value: float, ticks: Sequence[float]) -> str:
    """The tick's value with as many decimals as all the ticks need to be exact."""
    gap = min((b - a for a, b in pairwise(ticks)), default=1.0)
    exact = (count for count in range(13) if all(abs(round(one, count) - one) < gap / 1000 for one in ticks))
    decimals = next(exact, 13)
    text = f"{value:,.{decimals}f}"
    return (text if text.strip("-0.,") else text.lstrip("-")).replace("-", "\N{MINUS SIGN}")


def _steps(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if len(found) <= 7:
            break
    return found
