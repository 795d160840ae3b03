"""The Pareto front over chosen axes."""

import pytest

from archdb import Outline
from evaluation import MEASURES, OBJECTIVES
from tasks.trade_offs import axes_of, unbeaten

STATE = "claimed_state_bytes_per_layer"


def design(name: str, fitness: float, tags: tuple[str, ...] = (), **efficiency: float) -> Outline:
    record = {"_id": name, "campaign": "t", "kind": "candidate", "name": name, "efficiency": efficiency, "tags": tags}
    return Outline.model_validate(record | {"fitness": fitness, "gains": {"recall_loss": fitness / 2}})


DESIGNS = [
    design("good", 1.0, prefill_seconds=2.0),
    design("fast", 0.0, prefill_seconds=1.0),
    design("beaten", 0.5, prefill_seconds=2.0),
    design("equal", 1.0, prefill_seconds=2.0),
    design("unknown", 9.0),
    design("attention", 9.0, ("quadratic",), prefill_seconds=0.1),
]


def test_what_another_equals_and_beats_on_one_axis_is_beaten_and_equals_stay() -> None:
    front = unbeaten(DESIGNS, axes_of(["fitness", "prefill_seconds"], OBJECTIVES, MEASURES))
    assert [(one.id, point) for one, point in front.members] == [
        ("equal", (1.0, 2.0)),
        ("good", (1.0, 2.0)),
        ("fast", (0.0, 1.0)),
    ]
    assert (front.beaten, front.quadratic, front.unknown) == (1, 1, 1)


def test_gains_are_better_when_higher_and_costs_when_lower() -> None:
    axes = axes_of(["state_bytes_per_layer", "recall_loss"], OBJECTIVES, MEASURES)
    assert axes == {STATE: "lower", "recall_loss": "higher"}
    one = design("one", 1.0, **{STATE: 64.0})
    assert [place[0].id for place in unbeaten([one, design("two", 1.0, **{STATE: 63.0})], axes).members] == ["two"]


def test_no_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="beauty is no axis: name one of fitness, text_bpb"):
        axes_of(["beauty"], OBJECTIVES, MEASURES)
