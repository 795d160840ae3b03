"""Is a design above a baseline on fresh seeds? A paired test whose variance is pooled over all pairs of a campaign.

Seed i decides the frame's initial weights and the batches of both sides alike, so that what it does to both cancels in
the difference. The questions are the same for all seeds: a gain is one on these questions. Three differences alone say
little about their own spread; differences of other designs to the same baseline, each around its own mean, spread as
much and are pooled in.
"""

import math
from collections.abc import Sequence

from pydantic import FiniteFloat

from evaluation.comparison import CONFIDENCE
from evaluation.fitness import deviation, mean
from evaluation.reports import Report


class Confirmation(Report):
    """Fitness of a design minus that of a baseline, both on the same fresh seeds."""

    version: int = 1
    differences: tuple[FiniteFloat, ...]  # one a seed
    difference: FiniteFloat  # their mean
    low: FiniteFloat  # two-sided 95% interval of the mean
    high: FiniteFloat
    deviation: FiniteFloat  # pooled, of single differences
    degrees: int  # of freedom
    p: FiniteFloat  # one-sided: how often luck alone gives so much


def confirm(
    candidate: Sequence[float], baseline: Sequence[float], others: Sequence[Sequence[float]] = ()
) -> Confirmation:
    """Compare fitness values of the same seeds, in the same order.

    ``others`` are the differences of earlier confirmations in the campaign; groups of one add nothing.
    Raises ValueError for unequal numbers of seeds, and where nothing tells how much differences vary.
    """
    if len(candidate) != len(baseline) or not candidate:
        raise ValueError(
            f"The candidate has {len(candidate)} seeds and the baseline {len(baseline)}; confirm both on the same ones."
        )
    from scipy.stats import t  # here, because it takes longer to import than all the rest of evaluation

    differences = [a - b for a, b in zip(candidate, baseline, strict=True)]
    groups = [group for group in (differences, *others) if len(group) > 1]
    degrees = sum(len(group) - 1 for group in groups)
    if degrees == 0:
        raise ValueError("One seed alone has no variance; confirm on at least 2, or with earlier confirmations.")
    pooled = math.sqrt(sum((len(group) - 1) * deviation(group) ** 2 for group in groups) / degrees)
    change, error = mean(differences), pooled / math.sqrt(len(differences))
    half = float(t.ppf((1 + CONFIDENCE) / 2, degrees)) * error
    luck = float(t.sf(change / error, degrees)) if error > 0 else float(change <= 0)
    return Confirmation(
        differences=tuple(differences),
        difference=change,
        low=change - half,
        high=change + half,
        deviation=pooled,
        degrees=degrees,
        p=luck,
    )
