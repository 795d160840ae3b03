"""What components and pairs of them are worth over a population of related designs, on one objective.

A design has most of what its parent has, seen or unseen, so designs are no independent evidence: comparing all that
have a choice with all that have not credits the choice with whatever else its lineage has. And the step from a parent
to a child has the parent's luck in it, which comes back in every step of the same parent, and in the one that led to
it. So what is compared is siblings alone: scores and indicators of choices, and products of two, are taken from their
means over the children of one parent. What all children of a parent share, its luck included, cancels out.

Coefficients are ridge estimates (Hoerl and Kennard 1970, doi 10.1080/00401706.1970.10488634), first of single choices,
then of pairs on what those leave over; each penalty is the one that predicts families best that were left out. Standard
errors add up what whole families pull (Liang and Zeger 1986, doi 10.1093/biomet/73.1.13), and intervals come from the
wild cluster bootstrap of t (Cameron, Gelbach and Miller 2008, doi 10.1162/rest.90.3.414): the signs of whole families
are drawn anew, as if nothing mattered. They hold at once for all that is estimated, by the 95% quantile of the largest
|t| (Westfall and Young 1993), so where nothing matters, something should be reported in one analysis of 20; few
families make that more, and tests hold it to 7 of 60. Ridge draws coefficients towards 0: what is reported is a lower
figure rather than a higher one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.reports import Report

Floats = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 1000
LEAST_FAMILIES = 8  # of siblings; fewer say nothing about their scatter
LEAST_DIFFERING = 8  # families in which siblings differ in a choice
PENALTIES = np.logspace(-2, 3, 16)  # in units of a column's mean square
FOLDS = 5
MOST_PAIRS = 300  # those in which most families differ: the rest would widen every interval and tell nothing
AT_ONCE = 250  # rows of signs
LEAST_NORM = 1e-12


class PopulationDesign(NamedTuple):
    """One design, as its choices, its family and one score tell of it."""

    made: Mapping[str, str]  # slot -> choice
    family: str  # its first parent
    score: float


class PopulationEffect(Report):
    """What a choice, or two together beyond each alone, is worth."""

    choices: tuple[str, ...]  # one or two of slot=choice
    effect: float  # in units of the score
    low: float
    high: float
    families: int  # in which siblings differ in it

    @property
    def certain(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


class Population(Report):
    """The effects on one score."""

    designs: int  # that have siblings
    families: int  # of siblings
    marginal: tuple[PopulationEffect, ...] = ()  # the largest first
    pairwise: tuple[PopulationEffect, ...] = ()
    why_none: str = ""  # where there is too little to estimate anything


def population_effects(designs: Sequence[PopulationDesign], resamples: int = RESAMPLES, seed: int = 0) -> Population:
    """Effects of single choices and of pairs on a score.

    Args:
        designs: of one population, all with the same score. Those without siblings say nothing and are left out.
        resamples: draws of signs, for the intervals.
        seed: of the draws.
    """
    sizes = Counter(one.family for one in designs)
    known = sorted((one for one in designs if sizes[one.family] > 1), key=lambda one: one.family)
    names, family = np.unique([one.family for one in known], return_inverse=True)
    counts = {"designs": len(known), "families": len(names)}
    if len(names) < LEAST_FAMILIES:
        told = f"{len(names)} parents have more than one child, and {LEAST_FAMILIES} are needed."
        return Population(**counts, why_none=told)
    singles, marginal, differing = _singles(known, family)
    if not singles:
        return Population(**counts, why_none="In no choice do siblings of enough families differ.")
    pairs, pairwise, both_differing = _pairs(known, singles, family)
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(resamples, len(names)))
    fold = (rng.permutation(len(names)) % FOLDS)[family]
    score = _within(np.array([[one.score] for one in known], dtype=np.float64), family)[:, 0]
    first = _Ridge(marginal, score, family, fold)
    fits = [first, _Ridge(pairwise, score - first.predicted, family, fold)] if pairs else [first]
    reach = float(np.quantile(np.max([fit.largest(signs) for fit in fits], axis=0), LEVEL))
    named: list[list[tuple[str, ...]]] = [[(one,) for one in singles], list(pairs)]
    found = [
        sorted(_effects(one, fit, reach, seen), key=lambda effect: (-abs(effect.effect), effect.choices))
        for fit, one, seen in zip(fits, named, (differing, both_differing), strict=False)
    ]
    return Population(**counts, marginal=tuple(found[0]), pairwise=tuple(found[1]) if pairs else ())


def _effects(
    named: Sequence[tuple[str, ...]], fit: "_Ridge", reach: float, differing: NDArray[np.intp]
) -> list[PopulationEffect]:
    return [
        PopulationEffect(
            choices=choices,
            effect=float(fit.coefficients[place]),
            low=float(fit.coefficients[place] - reach * fit.errors[place]),
            high=float(fit.coefficients[place] + reach * fit.errors[place]),
            families=int(differing[place]),
        )
        for place, choices in enumerate(named)
    ]


def _singles(
    designs: Sequence[PopulationDesign], family: NDArray[np.intp]
) -> tuple[list[str], Floats, NDArray[np.intp]]:
    """The choices in which siblings differ often enough, their indicators within families [designs, choices], and in
    how many families they do.
    """
    known = sorted({f"{slot}={name}" for one in designs for slot, name in one.made.items()})
    columns = _within(_indicators(designs, known), family)
    differing = _differing(columns, family)
    kept = np.flatnonzero(differing >= LEAST_DIFFERING)
    return [known[place] for place in kept], columns[:, kept], differing[kept]


def _pairs(
    designs: Sequence[PopulationDesign], singles: Sequence[str], family: NDArray[np.intp]
) -> tuple[list[tuple[str, str]], Floats, NDArray[np.intp]]:
    """The same of two choices for different slots, as the products of their centred indicators. Siblings differ in a
    pair if some have both and others do not.
    """
    has = _indicators(designs, singles)
    slots = [choice.partition("=")[0] for choice in singles]
    able = [(one, other) for one, other in combinations(range(len(singles)), 2) if slots[one] != slots[other]]
    if not able:
        return [], np.zeros((len(designs), 0)), np.zeros(0, dtype=np.intp)
    left, right = np.array(able).T
    differing = _differing(_within(has[:, left] * has[:, right], family), family)
    most = np.argsort(-differing, kind="stable")[:MOST_PAIRS]
    kept = np.sort(most[differing[most] >= LEAST_DIFFERING])
    centred = has - has.mean(axis=0)
    columns = _within(centred[:, left[kept]] * centred[:, right[kept]], family)
    return [(singles[left[place]], singles[right[place]]) for place in kept], columns, differing[kept]


def _indicators(designs: Sequence[PopulationDesign], choices: Sequence[str]) -> Floats:
    slots = [choice.partition("=")[::2] for choice in choices]
    return np.array([[float(one.made.get(slot) == name) for slot, name in slots] for one in designs])


def _starts(family: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where each family begins: designs are in the order of their families."""
    return np.flatnonzero(np.diff(family, prepend=-1))


def _within(columns: Floats, family: NDArray[np.intp]) -> Floats:
    """Columns [designs, columns] less their means over each family."""
    sums = np.add.reduceat(columns, _starts(family), axis=0)
    return np.asarray(columns - (sums / np.bincount(family)[:, None])[family], dtype=np.float64)


def _differing(columns: Floats, family: NDArray[np.intp]) -> NDArray[np.intp]:
    """In how many families each column within families is not 0 throughout."""
    differs = np.logical_or.reduceat(np.abs(columns) > LEAST_NORM, _starts(family), axis=0)
    return np.asarray(differs.sum(axis=0), dtype=np.intp)


class _Ridge:
    """Ridge regression of a score on columns [designs, columns], both within families; the same with other signs."""

    def __init__(self, columns: Floats, score: Floats, family: NDArray[np.intp], fold: NDArray[np.intp]) -> None:
        self._score, self._family = score, family
        self._scale = columns.std(axis=0) + LEAST_NORM
        self._x = columns / self._scale
        self._ends = [*_starts(family), len(family)]
        self._pulls = np.add.reduceat(self._x * score[:, None], self._ends[:-1], axis=0)
        penalty = PENALTIES[int(np.argmin(self._errors_left_out(fold)))]
        whole = self._x.T @ self._x + penalty * np.eye(columns.shape[1])
        self._inverse = np.asarray(np.linalg.inv(whole), dtype=np.float64)
        self._reach = self._x @ self._inverse
        solved, errors = self._fit(np.ones((1, len(self._ends) - 1)))
        self.predicted: Floats = self._x @ solved[0]
        self.coefficients: Floats = solved[0] / self._scale
        self.errors: Floats = errors[0] / self._scale

    def largest(self, signs: Floats) -> Floats:
        """The largest |t| of any column for each row of signs [resamples, families]."""
        fits = (self._fit(signs[at : at + AT_ONCE]) for at in range(0, len(signs), AT_ONCE))
        return np.concatenate([np.abs(solved / errors).max(axis=1) for solved, errors in fits])

    def _fit(self, signs: Floats) -> tuple[Floats, Floats]:
        """Coefficients and their standard errors by families [resamples, columns], with these signs for the scores.

        A family's pull on the coefficients is that of its residuals, through the rows that it has of x.
        """
        solved = signs @ self._pulls @ self._inverse
        left = signs[:, self._family] * self._score - solved @ self._x.T
        squares = np.zeros_like(solved)
        for start, end in pairwise(self._ends):
            squares += (left[:, start:end] @ self._reach[start:end]) ** 2
        families = len(self._ends) - 1
        return solved, np.sqrt(families / (families - 1) * squares) + LEAST_NORM

    def _errors_left_out(self, fold: NDArray[np.intp]) -> Floats:
        """For each penalty the squared error on families that were left out."""
        total = np.zeros(len(PENALTIES))
        for one in range(FOLDS):
            x, score = self._x[fold != one], self._score[fold != one]
            values, vectors = np.linalg.eigh(x.T @ x)
            solved = vectors @ ((vectors.T @ (x.T @ score))[:, None] / (values[:, None] + PENALTIES))
            total += ((self._score[fold == one, None] - self._x[fold == one] @ solved) ** 2).sum(axis=0)
        return total
