"""Do the Researcher's predictions mean anything? Each is held against what was measured, and all are scored together.

A prediction says in which direction an objective's gain will change, and how sure it is of that: a forecast that the
gain goes up, with a Brier score. What it has to beat is always saying how often the gains of all other designs went
up; a rate that knew the design's own outcome would beat honest guesses. Predictions of one design are not
independent, so intervals come from resampling designs with all that was predicted of them (percentiles of a
bootstrap). Small changes have the sign of chance: those beyond the noise are scored apart, too.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FiniteFloat

from evaluation import Interval, Share, share

EDGES = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the bins of confidence; each but the last without its upper edge
FEWEST, FEWEST_DESIGNS = 30, 10  # predictions, and designs that they are of, before anything is concluded
CLEAR = 2.0  # standard deviations of a change that was measured, from which on its sign counts as known
RESAMPLES = 1000
LEAST = 1e-18  # less is rounding

Floats = NDArray[np.float64]


class Scored(BaseModel):
    """Base of the records here."""

    model_config = ConfigDict(frozen=True)


class Pair(Scored):
    """One prediction and what came of it. Changes are of the gain, against the first parent's; positive is better."""

    experiment: str
    objective: str
    change: FiniteFloat  # as predicted
    confidence: FiniteFloat  # that it has this sign, from 0 to 1
    measured: FiniteFloat
    noise: FiniteFloat | None = None  # one standard deviation of the measured change over seeds, where it is known

    @property
    def clear(self) -> bool:
        return self.noise is not None and abs(self.measured) > CLEAR * self.noise

    @property
    def right(self) -> bool:
        return (self.change > 0) == (self.measured > 0)


class Bin(Scored):
    """Predictions of like confidence, and how many have the right sign. Wilson's intervals take them as independent."""

    low: FiniteFloat
    high: FiniteFloat
    confidence: FiniteFloat  # mean
    right: Share
    clear: Share | None  # of those whose measured change is beyond the noise


class Scores(Scored):
    """What a set of predictions is worth. Intervals are None where they are of fewer than FEWEST_DESIGNS designs."""

    designs: int
    confidence: FiniteFloat  # mean
    right: Share
    brier: FiniteFloat  # of the forecasts that gains go up
    base_rate: FiniteFloat  # how often they do
    skill: Interval | None  # 1 - Brier score / that of the base rate of all other designs; None: all gains go one way
    excess: Interval | None  # mean confidence minus the share with the right sign: positive is overconfident
    rank: Interval | None  # Spearman's correlation of predicted and measured changes


class Calibration(Scored):
    """All that can be said about a campaign's predictions so far."""

    predictions: int  # of designs that have ended
    failed: int  # of designs that failed: never measured
    unmeasured: int  # without a gain of the parent to compare with
    unsigned: int  # of no change, or with no change measured: there is no sign to be right about
    scores: Scores | None  # None where nothing is left
    clear: Scores | None  # of those whose measured change is beyond the noise
    objectives: dict[str, Scores]  # those with enough predictions
    bins: tuple[Bin, ...]  # that hold any
    enough: bool  # to conclude something
    verdict: str  # one sentence


def calibrate(pairs: Sequence[Pair], failed: int = 0, unmeasured: int = 0) -> Calibration:
    """Score predictions. ``failed`` and ``unmeasured`` count those that are no pairs, for want of a measurement."""
    signed = [one for one in pairs if one.change and one.measured]
    clear = [one for one in signed if one.clear]
    scores = _scores(signed)
    named = {
        name: [one for one in signed if one.objective == name] for name in sorted({one.objective for one in signed})
    }
    return Calibration(
        predictions=len(pairs) + failed + unmeasured,
        failed=failed,
        unmeasured=unmeasured,
        unsigned=len(pairs) - len(signed),
        scores=scores,
        clear=_scores(clear),
        objectives={name: found for name, some in named.items() if _enough(found := _scores(some)) and found},
        bins=_bins(signed),
        enough=_enough(scores),
        verdict=_verdict(scores),
    )


def _scores(pairs: Sequence[Pair]) -> Scores | None:
    if not pairs:
        return None
    said = np.array([one.confidence for one in pairs])
    right = np.array([float(one.right) for one in pairs])
    rose = np.array([float(one.measured > 0) for one in pairs])
    up = np.where([one.change > 0 for one in pairs], said, 1 - said)
    predicted, measured = (_places([getattr(one, name) for one in pairs]) for name in ("change", "measured"))
    _, designs = np.unique([one.experiment for one in pairs], return_inverse=True)
    missed, sure = (up - rose) ** 2, said - right

    def statistics(weights: Floats) -> tuple[float, float, float]:
        there, rises = (np.bincount(designs, weights=one) for one in (weights, weights * rose))
        with np.errstate(invalid="ignore", divide="ignore"):  # of a single design there are no others
            usual = ((rises.sum() - rises) / (1 - there))[designs]
            reference = ((usual - rose) ** 2) @ weights
        skill = 1 - (missed @ weights) / reference if reference > LEAST else np.nan
        return float(skill), float(sure @ weights), _rank_correlation(predicted, measured, weights)

    skill, excess, rank = _resampled(statistics, designs)
    return Scores(
        designs=int(designs.max()) + 1,
        confidence=float(said.mean()),
        right=share(int(right.sum()), len(pairs)),
        brier=float(missed.mean()),
        base_rate=float(rose.mean()),
        skill=skill,
        excess=excess,
        rank=rank,
    )


def _resampled(statistics: Callable[[Floats], tuple[float, ...]], designs: NDArray[np.intp]) -> list[Interval | None]:
    """Statistics of weights [pairs] that add up to 1, with 95% intervals over resampled designs.

    None where a statistic has no value, or where there are too few designs for an interval.
    """
    chance, count = np.random.default_rng(0), int(designs.max()) + 1
    whole = statistics(np.full(len(designs), 1 / len(designs)))
    if count < FEWEST_DESIGNS:
        return [None] * len(whole)
    drawn = np.empty((RESAMPLES, len(whole)))
    for number in range(RESAMPLES):
        weights = np.bincount(chance.integers(count, size=count), minlength=count)[designs].astype(float)
        drawn[number] = statistics(weights / weights.sum())
    found: list[Interval | None] = []
    for value, values in zip(whole, drawn.T, strict=True):
        known = values[np.isfinite(values)]  # a resample may hold gains of one sign only
        if not np.isfinite(value) or not known.size:
            found.append(None)
            continue
        low, high = np.quantile(known, (0.025, 0.975))
        found.append(Interval(value=value, low=float(low), high=float(high)))
    return found


def _places(values: Sequence[float]) -> NDArray[np.intp]:
    """The place of each value among the different ones, smallest first."""
    return np.unique(values, return_inverse=True)[1].astype(np.intp)


def _rank_correlation(one: NDArray[np.intp], other: NDArray[np.intp], weights: Floats) -> float:
    """Spearman's, of values given by their places, each as often as its weight says. NaN where all are equal."""
    a, b = _ranks(one, weights), _ranks(other, weights)
    spread = ((a * a) @ weights) * ((b * b) @ weights)
    return float((a * b) @ weights / np.sqrt(spread)) if spread > LEAST else np.nan


def _ranks(places: NDArray[np.intp], weights: Floats) -> Floats:
    """Centred ranks in which equal values share theirs, as if each value were there as often as its weight says."""
    there = np.bincount(places, weights=weights)
    ranks: Floats = (np.cumsum(there) - there / 2)[places]
    return ranks - ranks @ weights


def _bins(pairs: Sequence[Pair]) -> tuple[Bin, ...]:
    found = []
    for low, high in pairwise(EDGES):
        inside = [one for one in pairs if low <= one.confidence < high or one.confidence == high == EDGES[-1]]
        if inside:
            clear = [one.right for one in inside if one.clear]
            found.append(
                Bin(
                    low=low,
                    high=high,
                    confidence=fmean(one.confidence for one in inside),
                    right=share(sum(one.right for one in inside), len(inside)),
                    clear=share(sum(clear), len(clear)) if clear else None,
                )
            )
    return tuple(found)


def _enough(scores: Scores | None) -> bool:
    return scores is not None and scores.right.of >= FEWEST and scores.designs >= FEWEST_DESIGNS


def _verdict(scores: Scores | None) -> str:
    """What the numbers allow to say, in one sentence."""
    if scores is None:
        return "No prediction has been measured yet."
    if not _enough(scores):
        return (
            f"Too few to say: {scores.right.of} of {FEWEST} predictions, {scores.designs} of {FEWEST_DESIGNS} designs."
        )
    if scores.skill is None:
        way = "up" if scores.base_rate else "down"
        return f"Nothing can be said of skill, since every gain went {way}{_too_sure(scores)}."
    skill = f"skill {scores.skill.value:+.2f} (95% interval {scores.skill.low:+.2f} to {scores.skill.high:+.2f})"
    if scores.skill.low > 0:
        told = "Better than always saying the base rate"
    elif scores.skill.high < 0:
        told = "Worse than always saying the base rate"
    else:
        told = "No better than always saying the base rate, as far as these predictions show"
    return f"{told}: {skill}{_too_sure(scores)}."


def _too_sure(scores: Scores) -> str:
    if scores.excess is None:
        return ""
    if scores.excess.low > 0:
        word = "overconfident"
    elif scores.excess.high < 0:
        word = "too cautious"
    else:
        return ""
    return f"; {word}: mean confidence {scores.confidence:.2f}, the right sign in {scores.right.share:.0%}"
