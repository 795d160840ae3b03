"""Fitness and comparison against numbers worked out by hand."""

import math

import pytest

from evaluation import Panel, compare, fitness

PANEL = Panel(
    reference={"text_bpb": (3.0, 3.2), "recall_loss": (0.4, 0.6)},
    baselines={
        "a": {"text_bpb": 3.0, "recall_loss": 0.0},
        "b": {"text_bpb": 4.0, "recall_loss": 2.0},
    },
)


def test_fitness_by_hand() -> None:
    # noise: std of two values that differ by 0.2 is 0.2/sqrt(2); spread: 1/sqrt(2) and 2/sqrt(2)
    text_unit = math.sqrt(0.02 + 0.5)
    recall_unit = math.sqrt(0.02 + 2.0)
    found = fitness({"text_bpb": 2.9, "recall_loss": 0.7}, PANEL)
    assert found.gains["text_bpb"].gain == pytest.approx(0.2)
    assert found.gains["text_bpb"].unit == pytest.approx(text_unit)
    assert found.gains["text_bpb"].in_noise == pytest.approx(0.2 / math.sqrt(0.02))
    assert found.value == pytest.approx((0.2 / text_unit - 0.2 / recall_unit) / 2)
    assert found.display == pytest.approx(1 / (1 + math.exp(-found.value)))


def test_reference_mean_has_fitness_zero_and_better_is_larger() -> None:
    assert fitness({"text_bpb": 3.1, "recall_loss": 0.5}, PANEL).value == pytest.approx(0.0)
    worse, better = ({"text_bpb": value, "recall_loss": 0.5} for value in (3.3, 2.9))
    assert fitness(worse, PANEL).value < 0 < fitness(better, PANEL).value


def test_fitness_refuses_what_it_cannot_judge() -> None:
    with pytest.raises(ValueError, match="same scale"):
        fitness({"text_bpb": 3.0}, PANEL)
    lonely = Panel(reference={"text_bpb": (3.0,)}, baselines=PANEL.baselines)
    with pytest.raises(ValueError, match="at least 2 reference seeds"):
        fitness({"text_bpb": 3.0}, lonely)
    flat = Panel(reference={"text_bpb": (3.0, 3.0)}, baselines={name: {"text_bpb": 3.0} for name in "ab"})
    with pytest.raises(ValueError, match="no unit"):
        fitness({"text_bpb": 3.0}, flat)


def test_compare_pooled_variance_by_hand() -> None:
    # Means 2 and 4, both variances 1, pooled 1; error sqrt(1/3 + 1/3); t(0.975, 4) = 2.7764
    found = compare({"text_bpb": [1.0, 2.0, 3.0]}, {"text_bpb": [3.0, 4.0, 5.0]}).objectives["text_bpb"]
    half = 2.776445 * math.sqrt(2 / 3)
    assert found.difference == pytest.approx(-2.0)
    assert (found.low, found.high) == pytest.approx((-2.0 - half, -2.0 + half), rel=1e-5)
    assert found.degrees == 4
    assert found.verdict == "within noise"


def test_one_candidate_seed_borrows_the_reference_variance() -> None:
    # Variance 1, error sqrt(1 + 1/3), t(0.975, 2) = 4.30265
    found = compare({"text_bpb": [-3.0]}, {"text_bpb": [3.0, 4.0, 5.0]})
    text = found.objectives["text_bpb"]
    assert text.degrees == 2
    assert text.high == pytest.approx(-7.0 + 4.302653 * math.sqrt(4 / 3), rel=1e-5)
    assert text.verdict == found.mean_gain.verdict == "better"
    assert found.mean_gain.difference == pytest.approx(7.0)
    assert "1 seed, the design is better" in found.sentence


def test_lower_is_better_decides_the_word() -> None:
    worse = compare({"text_bpb": [9.0, 9.1]}, {"text_bpb": [3.0, 3.1]})
    assert worse.objectives["text_bpb"].verdict == worse.mean_gain.verdict == "worse"
    same = compare({"text_bpb": [3.0, 3.1]}, {"text_bpb": [3.1, 3.0]})
    assert same.mean_gain.verdict == "within noise"


def test_mean_gain_averages_objectives_seed_by_seed() -> None:
    reference = {"text_bpb": [3.0, 3.2], "recall_loss": [0.6, 0.4]}
    candidate = {"text_bpb": [2.0, 2.2], "recall_loss": [1.6, 1.4]}  # one gains exactly what the other loses
    found = compare(candidate, reference)
    assert found.mean_gain.difference == pytest.approx(0.0, abs=1e-9)
    assert found.mean_gain.verdict == "within noise"
    assert {found.objectives[name].verdict for name in reference} == {"better", "worse"}


def test_compare_refuses_unequal_seeds_and_objectives() -> None:
    with pytest.raises(ValueError, match="Objectives differ"):
        compare({"text_bpb": [1.0]}, {"recall_loss": [1.0, 2.0]})
    with pytest.raises(ValueError, match="at least 2"):
        compare({"text_bpb": [1.0]}, {"text_bpb": [1.0]})
    with pytest.raises(ValueError, match="the same number for each"):
        compare({"text_bpb": [1.0, 2.0], "copy_loss": [1.0]}, {"text_bpb": [1.0, 2.0], "copy_loss": [1.0, 2.0]})
