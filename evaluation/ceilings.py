"""The most that each step of an evaluation may use: what its children are limited to, together."""

from evaluation.launch import Limits
from evaluation.reports import Report
from evaluation.scales import scale as read_scale

_OVER = 2.0  # CPU-seconds by which a child may pass its limit before a launch has ended it
_SCORING, _MEASURING = 2, 1  # children: questions and blind questions; efficiency


class Ceilings(Report):
    """CPU-seconds. A training that is given a limit of its own may use that, and ``over`` beyond it."""

    check: float
    train: float
    benchmark: float  # with the measurement of efficiency
    holdout: float
    over: float = _OVER


def ceilings(scale: str) -> Ceilings:
    """Upper bounds at a scale, from its limits. Raises ValueError for an unknown scale."""
    chosen = read_scale(scale)
    return Ceilings(
        check=_of(chosen.check),
        train=_of(chosen.train),
        benchmark=(_SCORING + _MEASURING) * _of(chosen.score),
        holdout=_SCORING * _of(chosen.score),
    )


def _of(limits: Limits) -> float:
    return limits.cpu_seconds + _OVER
