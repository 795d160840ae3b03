"""Where does the curve of scores flatten? A straight line that may bend once, with the spread of where it does."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import FiniteFloat

from evaluation.reports import Report
from evaluation.scaling.laws import LEVEL, Floats

LEAST = 30  # scores
EDGE = 0.05  # share of the designs at either end where no bend is looked for: a few scores alone would make one
CANDIDATES = 120  # places of a bend that are tried


class Flattening(Report):
    """Scores in the order of a search, as two straight lines. Slopes are per 100 designs, intervals 95%."""

    version: int = 1
    designs: int
    bend: FiniteFloat  # number of the design where the line bends
    bend_low: FiniteFloat
    bend_high: FiniteFloat
    before: FiniteFloat  # slope
    before_low: FiniteFloat
    before_high: FiniteFloat
    after: FiniteFloat
    after_low: FiniteFloat
    after_high: FiniteFloat
    p: FiniteFloat  # of a straight line with the same residuals: that a bend explains as much of it by chance
    last_record: int  # number of the design that was better than all before it, for the last time
    best: FiniteFloat

    @property
    def bends(self) -> bool:
        """Whether two lines are better than one."""
        return self.p < 1 - LEVEL

    @property
    def since(self) -> float:
        """Share of the search that came after the last record."""
        return 1 - self.last_record / self.designs


def flattening(scores: Sequence[float], resamples: int = 300, seed: int = 0) -> Flattening:
    """Fit ``scores`` in their order by least squares; intervals and p from residuals that are resampled in blocks.

    Blocks, of the cubic root of the number of scores in length, keep what neighbours have in common (Kunsch, 1989).
    Raises ValueError for fewer than 30 scores.
    """
    if len(scores) < LEAST:
        raise ValueError(f"{len(scores)} scores are too few to tell a bend from chance: {LEAST} are needed.")
    y = np.asarray(scores, float)
    bases = _bases(len(y))
    place, (start, before, after), gained = _fit(bases, y)
    line, straight = _line(len(y), place, start, before, after), bases[0].unbent(y)
    chance = np.random.default_rng(seed)
    refits, by_chance = [], 0
    for _ in range(resamples):
        at, (_, first, second), _ = _fit(bases, line + _blocks(y - line, chance))
        refits.append((at, first, second))
        by_chance += _fit(bases, straight + _blocks(y - straight, chance))[2] >= gained
    low, high = np.quantile(refits, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    best = np.maximum.accumulate(y)
    return Flattening(
        designs=len(y),
        bend=place,
        bend_low=low[0],
        bend_high=high[0],
        before=100 * before,
        before_low=100 * low[1],
        before_high=100 * high[1],
        after=100 * after,
        after_low=100 * low[2],
        after_high=100 * high[2],
        p=(1 + by_chance) / (1 + resamples),
        last_record=int(np.argmax(best == best[-1])) + 1,
        best=float(best[-1]),
    )


class _Base(NamedTuple):
    """The regression with a bend at one place."""

    place: float
    columns: Floats  # [n, 3]: one, the way to the bend, the way after it
    inverse: Floats  # [3, n], so that coefficients are inverse @ scores
    straight: Floats  # [n, 2], an orthonormal basis of lines without a bend; one array for all places

    def unbent(self, y: Floats) -> Floats:
        """The straight line of least squared error."""
        return np.asarray(self.straight @ (self.straight.T @ y))


def _bases(n: int) -> list[_Base]:
    number = np.arange(1.0, n + 1)
    straight = np.linalg.qr(np.stack([np.ones(n), number], axis=1))[0]
    found = []
    for place in np.unique(np.round(np.linspace(EDGE * n, (1 - EDGE) * n, min(CANDIDATES, n)))):
        columns = np.stack([np.ones(n), np.minimum(number, place), np.maximum(number - place, 0)], axis=1)
        found.append(_Base(float(place), columns, np.linalg.pinv(columns), straight))
    return found


def _fit(bases: list[_Base], y: Floats) -> tuple[float, tuple[float, float, float], float]:
    """The bend of least squared error: its place, the level at the start with both slopes per design, and the share of
    a straight line's squared error that it saves.
    """
    best, chosen = np.inf, (bases[0].place, np.zeros(3))
    for one in bases:
        coefficients = one.inverse @ y
        error = float(((y - one.columns @ coefficients) ** 2).sum())
        if error < best:
            best, chosen = error, (one.place, coefficients)
    start, before, after = map(float, chosen[1])
    whole = float(((y - bases[0].unbent(y)) ** 2).sum())
    return chosen[0], (start, before, after), 1 - best / whole if whole else 0.0


def _line(n: int, place: float, start: float, before: float, after: float) -> Floats:
    number = np.arange(1.0, n + 1)
    return np.asarray(start + before * np.minimum(number, place) + after * np.maximum(number - place, 0))


def _blocks(residuals: Floats, chance: np.random.Generator) -> Floats:
    n = len(residuals)
    length = max(1, round(n ** (1 / 3)))
    starts = chance.integers(0, n - length + 1, size=-(-n // length))
    return np.concatenate([residuals[one : one + length] for one in starts])[:n]
