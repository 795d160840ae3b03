"""Ladders on tables whose truth is known: perfect rungs save all that can be saved, and rungs of noise save nothing."""

import numpy as np
import pytest

from evaluation.fidelity.ladder import Ladder, climb, true_best
from evaluation.fidelity.saving import measured, savings, yardstick
from tests.evaluation.fidelity.synthetic import SCORING, WHOLE, grid


def test_the_cost_of_a_climb_is_what_was_trained_and_scored() -> None:
    table = grid(designs=80)
    up = climb(table, Ladder(shares=(0.25, 0.5, 1.0), eta=4), 5)
    assert up.spent == pytest.approx(80 * WHOLE / 4 + 20 * WHOLE / 4 + 5 * WHOLE / 2 + (80 + 20 + 5) * SCORING)
    assert up.spent_anew == pytest.approx(80 * WHOLE / 4 + 20 * WHOLE / 2 + 5 * WHOLE + (80 + 20 + 5) * SCORING)
    assert set(up.best.tolist()) == true_best(table, 5)


def test_further_seeds_decide_and_are_paid_for() -> None:
    table = grid(designs=80)
    lucky = int(np.argsort(-table.fitness[:, 0, -1])[5])
    table.fitness[lucky, 0, -1] += 10.0  # with its first seed alone it is above all others
    assert lucky in climb(table, Ladder(shares=(1.0,), eta=1), 5).best
    up = climb(table, Ladder(shares=(1.0,), eta=1, seeds=3), 5)
    assert up.spent == pytest.approx((80 + 2 * 10) * (WHOLE + SCORING))
    assert up.best[0] == lucky  # its mean is still 3.3 above
    assert set(up.best.tolist()) == true_best(table, 5)


def test_the_best_are_those_by_mean_over_seeds() -> None:
    table = grid(designs=80, top=20)
    last = int(np.argsort(-table.fitness[:, 0, -1])[40])
    table.fitness[last, 0, -1] = 50.0  # one seed is no evidence where others have three
    assert last not in true_best(table, 5)
    table.fitness[:, 1:] = np.nan
    assert last in true_best(table, 5)


def test_perfect_rungs_save_all_that_can_be_saved() -> None:
    found = savings(grid(), 5, 1, np.random.default_rng(0))
    for one in found:
        assert one.designs == 100
        assert one.recall.value == one.full_recall.value == 1.0
        # 100 designs to a sixteenth, the eight that an eta of 12 lets through to an eighth, the five best to the end:
        # no other choice of rungs is cheaper.
        climbed = 100 * (WHOLE / 16 + SCORING) + 8 * (WHOLE / 16 + SCORING) + 5 * (WHOLE * 7 / 8 + SCORING)
        most = 100 * (WHOLE + SCORING) / climbed
        assert one.saving.value == pytest.approx(most)
        assert 1 < one.saving_with_checks.value < one.saving.value
        assert one.saving_anew.value < one.saving.value


def test_rungs_of_noise_save_nothing() -> None:
    for one in savings(grid(early=1e3), 5, 1, np.random.default_rng(0)):
        assert one.saving.low <= 1.0
        assert one.saving.value < 1.3
    held = [yardstick(grid(early=1e3, seed=seed), 5, 1) for seed in range(40)]
    half = np.mean([measured(one, Ladder(shares=(0.5, 1.0), eta=2), 5) for one in held], axis=0)
    assert half[0] == pytest.approx(0.5, abs=0.1)  # half the designs go on, whichever they are,
    assert half[2] < 0.8  # for three quarters of the cost


def test_better_rungs_save_more() -> None:
    exact, blurred = (
        np.mean([one.saving.value for one in savings(grid(designs=100, early=noise), 5, 1, np.random.default_rng(0))])
        for noise in (0.1, 1.0)
    )
    assert exact > blurred > 1


def test_a_share_without_a_checkpoint_is_named() -> None:
    with pytest.raises(ValueError, match=r"no checkpoint at 0.3 of a training"):
        climb(grid(), Ladder(shares=(0.3, 1.0), eta=2), 5)
