"""The predicate "breakthrough", and who may look at the hold-out."""

import pytest

from evaluation import Panel, Verification, best_baseline, fitness_of_seeds, fresh_seeds, promote, verify

ABOVE, LEVEL_WITH = [1.2, 1.25, 1.15, 1.22, 1.18], [0.01, -0.02, 0.0, 0.02, -0.01]
ZERO = [0.0, 0.01, -0.01, 0.005, -0.005]


def test_a_clear_gain_on_fresh_seeds_is_a_breakthrough_and_noise_is_none() -> None:
    assert verify(ABOVE, ZERO, []).breakthrough
    assert not verify(LEVEL_WITH, ZERO, []).breakthrough
    assert verify(ABOVE, ZERO, []).promoted is None


def test_levels_fall_with_every_test_and_rise_with_every_discovery() -> None:
    nothing: list[Verification] = []
    for _ in range(6):
        nothing.append(verify(LEVEL_WITH, ZERO, nothing))
    levels = [one.level for one in nothing]
    assert levels == sorted(levels, reverse=True)
    found = [*nothing[:5], verify(ABOVE, ZERO, nothing[:5])]
    assert verify(LEVEL_WITH, ZERO, found).level > verify(LEVEL_WITH, ZERO, nothing).level


def test_earlier_pairs_are_pooled_into_the_variance() -> None:
    wild = verify([3.0, -3.0, 0.0], [0.0, 0.0, 0.0], [])
    assert verify(ABOVE, ZERO, [wild]).confirmation.deviation > 5 * verify(ABOVE, ZERO, []).confirmation.deviation


def test_the_holdout_decides_promotion_of_breakthroughs_alone() -> None:
    found = verify(ABOVE, ZERO, [])
    assert promote(found, ABOVE, ZERO).promoted is True
    assert promote(found, LEVEL_WITH, ZERO).promoted is False
    with pytest.raises(ValueError, match="stays sealed"):
        promote(verify(LEVEL_WITH, ZERO, []), ABOVE, ZERO)


def test_fresh_seeds_repeat_and_are_nobody_elses() -> None:
    mine = fresh_seeds("campaign-c001", 5)
    assert mine == fresh_seeds("campaign-c001", 5)
    assert mine[:3] == fresh_seeds("campaign-c001", 3)
    assert len({*mine, *fresh_seeds("campaign-c002", 5)}) == 10
    assert min(mine) >= 1_000_000
    with pytest.raises(ValueError, match="confirm on at least 2"):
        fresh_seeds("campaign-c001", 1)


def test_the_best_baseline_is_never_a_quadratic_one() -> None:
    panel = Panel(
        reference={"text_bpb": (3.0, 3.1)},
        baselines={"softmax": {"text_bpb": 2.0}, "gla": {"text_bpb": 2.9}, "reference": {"text_bpb": 3.05}},
    )
    assert best_baseline(panel, ["softmax"]) == "gla"
    better, worse = fitness_of_seeds([{"text_bpb": 2.8}, {"text_bpb": 3.3}], panel)
    assert better > 0 > worse
