"""The choice among models: exact at the start, the same for the same records, and drawn to what pays."""

from collections import Counter
from typing import Any

import pytest

from archdb import ModelAttempt, Outline
from tasks.models.choice import Model
from tasks.models.pool import Pull, choose, pulls_of

DRAWS = 2000


def model(name: str, weight: float = 1.0) -> Model:
    return Model(name=name, base_url="http://here/v1", weight=weight)


def share(models: list[Model], pulls: list[Pull], name: str) -> float:
    return Counter(choose(models, pulls, f"seed {number}").name for number in range(DRAWS))[name] / DRAWS


@pytest.mark.parametrize(("weights", "expected"), [((1, 1), 0.5), ((3, 1), 0.75), ((0.2, 0.6), 0.25)])
def test_before_anything_is_known_the_weights_decide(weights: tuple[float, float], expected: float) -> None:
    pool = [model("a", weights[0]), model("b", weights[1])]
    assert share(pool, [], "a") == pytest.approx(expected, abs=0.035)


def test_records_and_seed_decide_whatever_their_order() -> None:
    pool = [model("a"), model("b"), model("c")]
    pulls = [Pull("a", 0.25, 0.5), Pull("b", 0.75, 0.25), Pull("b", None, 0.5), Pull("gone", 1.0, 9.0)]
    chosen = [choose(pool, pulls, f"seed {number}") for number in range(50)]
    assert chosen == [choose(pool, pulls[::-1], f"seed {number}") for number in range(50)]
    assert len({one.name for one in chosen}) == 3


def test_the_better_model_is_asked_more_and_the_other_still_now_and_then() -> None:
    pulls = [Pull("a", 0.9, 0.01), Pull("b", 0.2, 0.01)] * 5
    assert 0.9 < share([model("a"), model("b")], pulls, "a") < 1


def test_of_equally_good_models_the_cheaper_one_is_asked_more() -> None:
    pulls = [Pull("a", 0.6, 0.0), Pull("b", 0.6, 1.0)] * 10
    assert share([model("a"), model("b")], pulls, "a") > 0.95
    assert 0.4 < share([model("a"), model("b")], [one._replace(dollars=0.0) for one in pulls], "a") < 0.6


def test_a_free_model_that_never_helps_is_not_asked_for_its_price() -> None:
    pulls = [Pull("free", 0.0, 0.0), Pull("paid", 0.8, 1.0)] * 20
    assert share([model("free"), model("paid")], pulls, "paid") > 0.95


def attempt(experiment: str, model: str, kind: str, dollars: float | None = 0.1, number: int = 0) -> ModelAttempt:
    call = f"{experiment}/engineer/0"
    return ModelAttempt(
        id=f"{call}/{number}", call=call, number=number, campaign="t", experiment=experiment, role="engineer",
        model=model, kind=kind, dollars=dollars,
    )  # fmt: skip


def outline(name: str, **fields: Any) -> Outline:
    return Outline(id=name, campaign="t", kind="candidate", name=name, **fields)


def test_a_call_s_reward_is_where_its_design_stands() -> None:
    designs = [
        outline("best", state="done", fitness=2.0),
        outline("worst", state="done", fitness=-1.0),
        outline("broken", state="failed"),
        outline("flying"),
    ]
    tried = [
        attempt("best", "a", "wrong_schema"),
        attempt("best", "a", "answered", 0.2, 1),
        attempt("worst", "a", "answered", None),
        attempt("broken", "b", "answered"),
        attempt("flying", "b", "answered"),
        attempt("other", "b", "timed_out"),
        attempt("other", "", "lost", 0.1, 1),
        attempt("other", "a", "answered", 0.1, 2),
    ]
    assert [(one.model, one.reward) for one in pulls_of(tried, designs)] == [
        ("a", 1.0), ("a", 0.5), ("b", 0.0), ("b", None), ("b", 0.0), ("a", None),
    ]  # fmt: skip
    assert [one.dollars for one in pulls_of(tried, designs)][:2] == [pytest.approx(0.3), 0.0]
