"""Online control of false discoveries: what it spends, what it earns, and how often it is wrong."""

from itertools import pairwise

import numpy as np
import pytest

from evaluation.discovery import RATE, levels, next_level


def test_without_discoveries_no_more_than_the_rate_is_spent() -> None:
    spent = levels([1.0] * 3000)
    assert all(a >= b > 0 for a, b in pairwise(spent))
    assert 0.8 * RATE < sum(spent) < RATE


def test_a_discovery_raises_the_levels_after_it_and_no_other() -> None:
    without, with_one = levels([1.0] * 10), levels([1.0] * 4 + [0.0] + [1.0] * 5)
    assert with_one[:5] == without[:5]
    assert all(a > b for a, b in zip(with_one[5:], without[5:], strict=True))


def test_a_level_depends_on_the_past_alone() -> None:
    p = np.random.default_rng(0).random(40) ** 6
    whole = levels(p.tolist())
    assert levels(p[:25].tolist()) == whole[:25]
    found = [number for number, (one, level) in enumerate(zip(p, whole, strict=True), start=1) if one <= level]
    assert len(found) > 1
    assert next_level(41, found) == levels([*p.tolist(), 1.0])[-1]


@pytest.mark.parametrize("true_share", [0.0, 0.3])
def test_of_what_is_called_a_discovery_few_are_luck(true_share: float) -> None:
    rng = np.random.default_rng(2)
    shares, powers = [], []
    for _ in range(400):
        true = rng.random(60) < true_share
        p = np.where(true, rng.random(60) ** 12, rng.random(60))
        called = p <= np.array(levels(p.tolist()))
        shares.append((called & ~true).sum() / max(1, called.sum()))
        if true.any():
            powers.append(called[true].mean())
    assert np.mean(shares) < RATE + 4 * np.std(shares) / np.sqrt(len(shares))
    if true_share:
        assert np.mean(powers) > 0.3


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_what_is_no_p_value_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"p-values must lie in \[0, 1\]"):
        levels([0.5, wrong])
