"""Does discovery scale with compute? Four laws beside each other, by an information criterion, with their intervals."""

import math
from collections.abc import Sequence

import numpy as np
from pydantic import FiniteFloat

from evaluation.reports import Report
from evaluation.scaling.laws import LAWS, LEVEL, Floats, Law, fit, interval, log_likelihood

LEAST = 5  # discoveries, below which only a rate is told
ALIKE = 2.0  # difference of the criterion below which two laws are not told apart (Burnham and Anderson, 2002)
GRID = 60  # points of a drawn curve
AHEAD = 2.0  # times the compute spent, to which the best law is followed


class FittedLaw(Report):
    """One law as it fits."""

    name: str
    formula: str
    amplitude: FiniteFloat  # a, with C in the unit of the compute that was given
    parameter: str = ""  # what the shape's parameter is called
    value: FiniteFloat | None = None
    low: FiniteFloat | None = None  # 95%; None: not bounded on that side
    high: FiniteFloat | None = None
    criterion: FiniteFloat  # AICc; smaller is better
    weight: FiniteFloat  # of evidence among the four
    p: FiniteFloat  # of the distance between law and events, by simulation; small: the law does not fit


class Ahead(Report):
    """How many discoveries a law expects by some compute."""

    compute: FiniteFloat
    expected: FiniteFloat
    low: FiniteFloat  # 95%, of refits to simulated searches
    high: FiniteFloat


class Discovery(Report):
    """Discoveries against compute. ``laws`` are sorted, the best one first; none for few discoveries."""

    version: int = 1
    discoveries: int
    compute: FiniteFloat
    rate: FiniteFloat  # discoveries per unit of compute, as if it were constant
    rate_low: FiniteFloat
    rate_high: FiniteFloat
    laws: tuple[FittedLaw, ...] = ()
    alike: tuple[str, ...] = ()  # laws that are not told apart from the best one, it included
    curve: tuple[Ahead, ...] = ()  # of the best law, from the start to twice the compute


def discovery_law(moments: Sequence[float], compute: float, simulations: int = 400, seed: int = 0) -> Discovery:
    """Fit the four laws to discoveries at these ``moments``, in the unit of ``compute``, which was spent in all.

    Raises ValueError for a moment that is not in (0, compute].
    """
    if compute <= 0 or any(not 0 < one <= compute for one in moments):
        raise ValueError(f"Moments of discovery have to lie between 0 and the compute spent ({compute}).")
    n = len(moments)
    low, high = rate_interval(n, compute)
    bare = Discovery(discoveries=n, compute=compute, rate=n / compute, rate_low=low, rate_high=high)
    if n < LEAST:
        return bare
    events = np.sort(np.asarray(moments, float)) / compute
    values = {law.name: fit(law, events) for law in LAWS}
    criteria = {law.name: _criterion(law, events, values[law.name]) for law in LAWS}
    least = min(criteria.values())
    weights = {name: math.exp((least - one) / 2) for name, one in criteria.items()}
    chance = np.random.default_rng(seed)
    laws = sorted(LAWS, key=lambda law: criteria[law.name])
    whole = sum(weights.values())
    fitted = [
        _fitted(
            law, events, values[law.name], compute, criteria[law.name], weights[law.name] / whole, simulations, chance
        )
        for law in laws
    ]
    return bare.model_copy(
        update={
            "laws": tuple(fitted),
            "alike": tuple(one.name for one in fitted if one.criterion - least < ALIKE),
            "curve": _followed(laws[0], events, values[laws[0].name], compute, simulations, chance),
        }
    )


def rate_interval(discoveries: int, compute: float) -> tuple[float, float]:
    """The exact 95% interval of a constant rate, per unit of compute (Garwood 1936, doi 10.1093/biomet/28.3-4.437)."""
    from scipy.stats import chi2

    low = chi2.ppf((1 - LEVEL) / 2, 2 * discoveries) / 2 if discoveries else 0.0
    return float(low / compute), float(chi2.ppf((1 + LEVEL) / 2, 2 * discoveries + 2) / 2 / compute)


def _criterion(law: Law, events: Floats, value: float) -> float:
    """Akaike's, corrected for few events (Hurvich and Tsai, 1989)."""
    n, k = len(events), law.parameters
    return 2 * k - 2 * log_likelihood(law, events, value) + 2 * k * (k + 1) / (n - k - 1)


def _fitted(
    law: Law,
    events: Floats,
    value: float,
    compute: float,
    criterion: float,
    weight: float,
    simulations: int,
    chance: np.random.Generator,
) -> FittedLaw:
    unit = compute if law.in_compute else 1.0
    low, high = interval(law, events, value) if law.parameter else (None, None)
    return FittedLaw(
        name=law.name,
        formula=law.formula,
        amplitude=len(events) / law.whole(compute, value),
        parameter=law.parameter,
        value=value * unit if law.parameter else None,
        low=None if low is None else low * unit,
        high=None if high is None else high * unit,
        criterion=criterion,
        weight=weight,
        p=_distance_p(law, events, value, simulations, chance),
    )


def _distance_p(law: Law, events: Floats, value: float, simulations: int, chance: np.random.Generator) -> float:
    """Share of searches simulated by the law that lie as far from their own refit as the real one does from its fit,
    in the distance of Kolmogorov and Smirnov.
    """
    seen = _distance(law, events, value)
    worse = 0
    for _ in range(simulations):
        drawn = _simulated(law, len(events), value, chance)
        worse += _distance(law, drawn, fit(law, drawn)) >= seen
    return (1 + worse) / (1 + simulations)


def _distance(law: Law, events: Floats, value: float) -> float:
    """Of sorted events. scipy.stats.ks_1samp gives the same number, and spends most of its time on a p-value."""
    share, n = law.share(events, value), len(events)
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - share).max(), (share - steps[:-1]).max()))


def _simulated(law: Law, n: int, value: float, chance: np.random.Generator) -> Floats:
    drawn = np.sort(law.quantile(chance.uniform(size=n), value))
    return np.asarray(np.clip(drawn, 1e-12, 1.0))


def _followed(
    law: Law, events: Floats, value: float, compute: float, simulations: int, chance: np.random.Generator
) -> tuple[Ahead, ...]:
    """The law's curve, with the spread of refits to searches that it simulates."""
    n = len(events)
    at = np.linspace(0, AHEAD, GRID + 1)[1:]
    refits = []
    for _ in range(simulations):
        count = int(chance.poisson(n))
        if count < 2:
            refits.append(np.full(len(at), float(count)))
            continue
        drawn = _simulated(law, count, value, chance)
        refits.append(count * law.share(at, fit(law, drawn)))
    low, high = np.quantile(refits, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    expected = n * law.share(at, value)
    return tuple(
        Ahead(compute=float(u * compute), expected=float(e), low=float(lo), high=float(hi))
        for u, e, lo, hi in zip(at, expected, low, high, strict=True)
    )
