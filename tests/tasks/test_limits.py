"""Limits of a deployment: how people write them, and which designs meet them."""

import pytest

from archdb import Outline
from evaluation import MEASURES
from tasks.limits import limit_of, meeting

STATE = "claimed_state_bytes_per_layer"


def design(name: str, *tags: str, **efficiency: float) -> Outline:
    record = {"_id": name, "campaign": "t", "kind": "candidate", "name": name, "tags": tags, "efficiency": efficiency}
    return Outline.model_validate(record)


REFERENCE = design("reference", "reference", prefill_seconds=2.0)
DESIGNS = [
    REFERENCE,
    design("slow", prefill_seconds=2.3, **{STATE: 64_000.0}),
    design("small", prefill_seconds=2.2, **{STATE: 64_000.0}),
    design("large", prefill_seconds=1.0, **{STATE: 65_536.0}),
    design("unknown", prefill_seconds=1.0),
]


@pytest.mark.parametrize(
    ("text", "name", "bound"),
    [
        ("state_bytes_per_layer<=64kB", STATE, 64_000.0),
        (f" {STATE} <= 64 KiB ", STATE, 65_536.0),
        ("prefill_seconds<=1.1x", "prefill_seconds", 2.2),
        ("prefill_seconds>=5e2ms", "prefill_seconds", 0.5),
    ],
)
def test_a_limit_is_read(text: str, name: str, bound: float) -> None:
    assert meeting([], [limit_of(text, MEASURES)], REFERENCE).bounds == {name: pytest.approx(bound)}


def test_designs_that_meet_all_limits_stand_in_their_order_and_the_others_are_counted() -> None:
    limits = [limit_of(text, MEASURES) for text in ("state_bytes_per_layer<=64kB", "prefill_seconds<=1.1000001x")]
    met = meeting(DESIGNS, limits, REFERENCE)
    assert [one.id for one in met.designs] == ["small"]
    assert (met.beyond, met.unknown) == (2, 2)
    least = limit_of("prefill_seconds>=2.2", MEASURES)
    assert [one.id for one in meeting(DESIGNS, [least], None).designs] == ["slow", "small"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fast", "is no limit: write NAME<=VALUE"),
        ("prefill_seconds<1", "is no limit"),
        ("prefill_seconds<=1 parsec", "is no limit"),
        ("prefill_seconds<=1.2.3", "is no number"),
        ("beauty<=1", "beauty is not recorded of designs: name one of prefill_seconds"),
        ("state_bytes_per_layer<=2x", "reference has no claimed_state_bytes_per_layer that 2x could be of"),
    ],
)
def test_what_is_no_limit_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        meeting(DESIGNS, [limit_of(text, MEASURES)], REFERENCE)
