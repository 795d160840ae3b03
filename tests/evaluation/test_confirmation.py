"""The paired test of fresh seeds, against scipy's where both apply."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from evaluation.confirmation import confirm


def test_alone_it_is_the_paired_t_test() -> None:
    a, b = [1.2, 0.9, 1.7, 1.1], [1.0, 0.8, 1.1, 1.2]
    found, known = confirm(a, b), ttest_rel(a, b, alternative="greater")
    interval = ttest_rel(a, b).confidence_interval(0.95)
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.degrees == 3


def test_other_pairs_tell_the_variance_and_not_the_mean() -> None:
    rng = np.random.default_rng(0)
    others = [(5.0 + 0.1 * rng.standard_normal(5)).tolist() for _ in range(20)]
    alone, pooled = confirm([0.3, 0.1], [0.0, 0.0]), confirm([0.3, 0.1], [0.0, 0.0], others)
    assert pooled.difference == alone.difference
    assert pooled.degrees == 81
    assert pooled.deviation == pytest.approx(0.1, rel=0.2)
    assert pooled.p < 0.01 < alone.p


def test_one_seed_is_enough_beside_others() -> None:
    assert confirm([1.0], [0.0], [[0.1, -0.1, 0.0]]).p < 0.01
    with pytest.raises(ValueError, match="One seed alone has no variance; confirm on at least 2"):
        confirm([1.0], [0.0], [[0.5]])


def test_pairs_that_never_differ_are_no_gain() -> None:
    assert confirm([1.0, 1.0], [1.0, 1.0]).p == 1.0
    assert confirm([1.5, 1.5], [1.0, 1.0]).p == 0.0


def test_unequal_seeds_are_named() -> None:
    with pytest.raises(ValueError, match="3 seeds and the baseline 2; confirm both on the same"):
        confirm([1.0, 2.0, 3.0], [1.0, 2.0])


def test_under_the_null_p_values_are_uniform() -> None:
    rng = np.random.default_rng(1)

    def draw() -> float:
        design, baseline = rng.standard_normal((2, 3)).tolist()
        others = (rng.standard_normal((4, 3)) - rng.standard_normal((4, 3))).tolist()
        return confirm(design, baseline, others).p

    p = np.array([draw() for _ in range(2000)])
    for level in (0.01, 0.05, 0.5):
        assert abs((p <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / len(p))
