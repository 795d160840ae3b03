"""Laws for the growth of discoveries with compute, fitted to the very moments of discoveries.

Discoveries are events of a Poisson process in compute C. A law says how many are expected until then:

- linear: N(C) = a C, a constant rate;
- power: N(C) = a C^b (Crow, "Reliability analysis for complex, repairable systems", 1974);
- logarithmic: N(C) = a ln(1 + C / c) (Musa and Okumoto, "A logarithmic Poisson execution time model", 1984);
- saturating: N(C) = a (1 - exp(-C / c)), a finite number to be found (Goel and Okumoto, "Time-dependent error-detection
  rate model", 1979).

With T the whole compute and n events, the amplitude of most likelihood is the one with N(T) = n, whatever the shape.
Given n, events are independent draws from the density N'(C) / N(T) on (0, T]. So a law is its shape's distribution
function on (0, 1], in units of T.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class Law:
    """A shape with at most one parameter, which is fitted by its logarithm within ``bounds``."""

    name: str
    formula: str
    parameter: str  # what it is called; empty for none
    bounds: tuple[float, float]  # of the logarithm
    share: Callable[[Floats, float], Floats]  # N(u T) / N(T), for u > 0; beyond 1 it extrapolates
    log_density: Callable[[Floats, float], Floats]  # of events in u
    quantile: Callable[[Floats, float], Floats]  # the inverse of share on (0, 1)
    whole: Callable[[float, float], float]  # N(T) / a, of T and the parameter
    in_compute: bool = False  # the parameter is an amount of compute, fitted in units of T

    @property
    def parameters(self) -> int:
        """How many are fitted, the amplitude included."""
        return 2 if self.parameter else 1


LINEAR = Law(
    "linear",
    "a C",
    "",
    (0.0, 0.0),
    lambda u, _: u,
    lambda u, _: np.zeros_like(u),
    lambda p, _: p,
    lambda whole, _: whole,
)
POWER = Law(
    "power",
    "a C^b",
    "b",
    (float(np.log(0.02)), float(np.log(50.0))),
    lambda u, b: u**b,
    lambda u, b: np.log(b) + (b - 1) * np.log(u),
    lambda p, b: p ** (1 / b),
    lambda whole, b: whole**b,
)
LOGARITHMIC = Law(
    "logarithmic",
    "a ln(1 + C / c)",
    "c",
    (float(np.log(1e-4)), float(np.log(1e4))),
    lambda u, c: np.log1p(u / c) / np.log1p(1 / c),
    lambda u, c: -np.log(c + u) - np.log(np.log1p(1 / c)),
    lambda p, c: c * np.expm1(p * np.log1p(1 / c)),
    lambda _, c: float(np.log1p(1 / c)),
    in_compute=True,
)
SATURATING = Law(
    "saturating",
    "a (1 - exp(-C / c))",
    "c",
    (float(np.log(1e-2)), float(np.log(1e4))),
    lambda u, c: np.expm1(-u / c) / np.expm1(-1 / c),
    lambda u, c: -u / c - np.log(c) - np.log(-np.expm1(-1 / c)),
    lambda p, c: -c * np.log1p(p * np.expm1(-1 / c)),
    lambda _, c: float(-np.expm1(-1 / c)),
    in_compute=True,
)
LAWS = (LINEAR, POWER, LOGARITHMIC, SATURATING)


def fit(law: Law, events: Floats) -> float:
    """The shape parameter of most likelihood for ``events`` in (0, 1]; 1 for a law that has none."""
    from scipy.optimize import minimize_scalar

    if not law.parameter:
        return 1.0
    found = minimize_scalar(lambda x: -_likelihood(law, events, x), bounds=law.bounds, method="bounded")
    return float(np.exp(found.x))


def log_likelihood(law: Law, events: Floats, parameter: float) -> float:
    """Of the process in units of T, with the amplitude of most likelihood."""
    n = len(events)
    return n * math.log(n) - n + float(law.log_density(events, parameter).sum())


def interval(law: Law, events: Floats, parameter: float) -> tuple[float | None, float | None]:
    """Where twice the loss of log likelihood stays below the 95% point of chi squared with one degree of freedom.

    None for an end that no value of the parameter reaches: the events do not exclude anything there.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2

    at = math.log(parameter)
    best, drop = _likelihood(law, events, at), float(chi2.ppf(LEVEL, 1)) / 2

    def above(x: float) -> float:
        return _likelihood(law, events, x) - best + drop

    ends: list[float | None] = []
    for bound in law.bounds:
        reached = above(bound) < 0 < above(at)
        ends.append(math.exp(brentq(above, bound, at)) if reached else None)
    return ends[0], ends[1]


def _likelihood(law: Law, events: Floats, logarithm: float) -> float:
    return float(law.log_density(events, float(np.exp(logarithm))).sum())
