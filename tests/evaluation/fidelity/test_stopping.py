"""Early stopping on streamed losses that tell everything, a little, or nothing about how a training ends."""

import numpy as np
import pytest

from evaluation.fidelity.stopping import ended_at, fit, moments_of
from evaluation.scales import scale

TINY = scale("tiny-constant")


def trainings(count: int, told: float, seed: int) -> tuple[list[dict[str, tuple[tuple[int, float], ...]]], np.ndarray]:
    """Curves and fitness [count]; losses tell ``told`` of the fitness, and the rest of them is noise."""
    rng = np.random.default_rng(seed)
    fitness = rng.standard_normal(count)
    curves = []
    for one in fitness:
        shown = told * one + (1 - told) * rng.standard_normal()
        curves.append({p.task: tuple((s, 5 - shown - s / p.steps) for s in range(1, p.steps + 1)) for p in TINY.tasks})
    return curves, fitness


def outcome(told: float, rate: float = 0.1) -> tuple[float, float]:
    """Share of fresh trainings that are ended, and share of the good ones among them, by a rule of others."""
    rule = fit(*trainings(150, told, 1), TINY, rate)
    curves, fitness = trainings(400, told, 2)
    ended = np.array([ended_at(rule, one) is not None for one in curves])
    return float(ended.mean()), float(ended[fitness >= rule.bar].mean())


def test_losses_that_tell_all_end_all_bad_trainings_and_no_good_one() -> None:
    ended, killed = outcome(told=1.0, rate=0.0)
    assert ended > 0.7
    assert killed <= 0.05


def test_the_rate_of_false_kills_is_near_the_one_asked_for() -> None:
    ended, killed = outcome(told=0.6, rate=0.1)
    assert ended > 0.3
    assert killed < 0.2
    _, more = outcome(told=0.6, rate=0.4)
    assert more > killed


def test_losses_that_tell_nothing_cannot_be_used_to_end_much_more_than_is_lost() -> None:
    ended, killed = outcome(told=0.0, rate=0.1)
    assert ended < 0.35
    assert abs(ended - killed) < 0.15


def test_a_training_that_lies_about_its_losses_runs_to_its_end() -> None:
    rule = fit(*trainings(150, 1.0, 1), TINY, 0.05)
    assert ended_at(rule, {p.task: tuple((s, 0.0) for s in range(1, p.steps + 1)) for p in TINY.tasks}) is None


def test_moments_follow_the_order_of_tasks_and_their_tokens() -> None:
    moments = moments_of(TINY)
    assert len(moments) == 3 * 4 - 1
    assert [share for share, _ in moments] == pytest.approx([part / 12 for part in range(1, 12)])
    assert moments[0][1] == {"text": 3}
    assert moments[-1][1] == {"text": 12, "recall": 12, "copy": 9}


def test_missing_losses_and_too_few_trainings_are_named() -> None:
    rule = fit(*trainings(30, 1.0, 1), TINY, 0.05)
    with pytest.raises(ValueError, match="text streamed no losses up to its step 3"):
        ended_at(rule, {})
    with pytest.raises(ValueError, match="on 3 trainings; give at least 20"):
        fit(*trainings(3, 1.0, 1), TINY, 0.05)
