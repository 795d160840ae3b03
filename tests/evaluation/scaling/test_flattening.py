"""A bend that was planted is found, and none is seen where there is none."""

import numpy as np
import pytest

from evaluation.scaling import flattening


def noise(count: int, seed: int) -> np.ndarray:
    """Neighbours have something in common, as siblings in a search do."""
    white = np.random.default_rng(seed).normal(size=count + 2)
    return 0.15 * (white[2:] + white[1:-1] + white[:-2])


def test_a_planted_bend_is_found_with_its_slopes() -> None:
    number = np.arange(1, 601)
    found = flattening(1 + 0.01 * np.minimum(number, 200) + noise(600, 1), resamples=100)
    assert found.bends
    assert found.bend_low <= 200 <= found.bend_high
    assert found.bend_high - found.bend_low < 60
    assert found.before_low <= 1.0 <= found.before_high
    assert found.after_low <= 0.0 <= found.after_high


def test_a_straight_line_does_not_bend() -> None:
    bends = [flattening(0.002 * np.arange(120) + noise(120, seed), resamples=40).bends for seed in range(20)]
    assert sum(bends) <= 4  # 1 expected at 5%; more than 4 has a chance below 1 in 300


def test_the_last_record_is_the_first_of_the_best() -> None:
    scores = [0.0] * 10 + [1.0] + [0.5] * 20 + [1.0] * 9
    found = flattening(scores, resamples=10)
    assert (found.last_record, found.best, found.designs) == (11, 1.0, 40)
    assert found.since == pytest.approx(29 / 40)


def test_few_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="29 scores are too few"):
        flattening([1.0] * 29)
