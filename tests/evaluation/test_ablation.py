"""The effect of a component against numbers that scipy gives, and what is said where nothing tells the spread."""

import math

import pytest
from scipy import stats

from evaluation import Panel, component_effect

PANEL = Panel(
    reference={"text_bpb": (5.0, 5.1, 5.3), "recall_loss": (4.0, 4.4, 4.1)},
    baselines={
        "gated_deltanet": {"text_bpb": 5.1, "recall_loss": 4.2},
        "gla": {"text_bpb": 5.4, "recall_loss": 4.9},
        "retnet": {"text_bpb": 5.9, "recall_loss": 4.5},
    },
)
UNITS = {
    name: math.hypot(stats.tstd(PANEL.reference[name]), stats.tstd([one[name] for one in PANEL.baselines.values()]))
    for name in PANEL.reference
}


def scores(text: float, recall: float) -> dict[str, float]:
    return {"text_bpb": text, "recall_loss": recall}


def test_a_single_pair_takes_the_noise_of_the_references_seeds() -> None:
    found = component_effect("decay", [scores(4.9, 4.0)], [scores(5.2, 3.9)], PANEL)
    text = found.objectives["text_bpb"]
    assert text.difference == pytest.approx(0.3 / UNITS["text_bpb"])  # lower is better: the component helps
    assert found.objectives["recall_loss"].difference == pytest.approx(-0.1 / UNITS["recall_loss"])
    half = stats.t.ppf(0.975, 2) * stats.tstd(PANEL.reference["text_bpb"]) * math.sqrt(2) / UNITS["text_bpb"]
    assert (text.low, text.high) == pytest.approx((text.difference - half, text.difference + half))
    both = [
        sum(PANEL.reference[name][seed] / UNITS[name] for name in UNITS) / 2 for seed in range(3)
    ]  # fitness of each of the reference's seeds, up to a constant and the sign
    half = stats.t.ppf(0.975, 2) * stats.tstd(both) * math.sqrt(2)
    assert found.fitness.high is not None
    assert found.fitness.high - found.fitness.difference == pytest.approx(half)
    assert found.fitness.difference == pytest.approx(sum(one.difference for one in found.objectives.values()) / 2)


def test_several_seeds_are_paired() -> None:
    hard = [0.0, 1.0, -0.7, 0.4]  # what a seed does to both sides
    design = [scores(5.0 + luck, 4.0) for luck in hard]
    without = [scores(5.2 + luck + noise, 4.0) for luck, noise in zip(hard, (0.01, -0.02, 0.0, 0.01), strict=True)]
    found = component_effect("decay", design, without, PANEL).objectives["text_bpb"]
    paired = stats.ttest_rel([one["text_bpb"] for one in without], [one["text_bpb"] for one in design])
    low, high = (end / UNITS["text_bpb"] for end in paired.confidence_interval(0.95))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.seen


def test_without_any_spread_there_is_no_interval() -> None:
    still = PANEL.model_copy(update={"reference": {"text_bpb": (5.0, 5.0), "recall_loss": (4.0, 4.2)}})
    found = component_effect("decay", [scores(4.0, 4.0)], [scores(5.0, 4.0)], still)
    assert found.objectives["text_bpb"].low is None
    assert not found.objectives["text_bpb"].seen
    assert found.objectives["recall_loss"].low is not None


@pytest.mark.parametrize(("ours", "theirs"), [(2, 1), (0, 0)])
def test_the_two_sides_need_the_same_seeds(ours: int, theirs: int) -> None:
    with pytest.raises(ValueError, match="same ones"):
        component_effect("decay", [scores(4.0, 4.0)] * ours, [scores(5.0, 4.0)] * theirs, PANEL)
