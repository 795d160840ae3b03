"""The null study on numbers whose truth is known: few false breakthroughs, and more power for larger gains."""

import numpy as np
import pytest
from pydantic import ValidationError

from evaluation.bench.null import NullPlan, null, share


def values(designs: int = 4, seeds: int = 15, better: float = 0.0) -> dict[str, dict[int, float]]:
    rng = np.random.default_rng(5)
    table = rng.standard_normal((designs, seeds)) + rng.standard_normal(seeds)  # a seed moves all designs alike
    table[0] += better
    return {f"design {n}": dict(enumerate(row)) for n, row in enumerate(table.tolist())}


def test_of_equal_designs_few_are_called_breakthroughs_and_gains_are_found() -> None:
    found = null(values(), NullPlan(campaigns=150, designs=30), gains=(1.0, 3.0))
    assert found.false_campaigns.share <= 0.05
    assert found.false_designs.share <= 0.05
    assert found.confirmed > 150
    assert found.power["3"].share > 0.5
    assert found.power["3"].share > found.power["1"].share


def test_it_sees_that_a_design_is_truly_better() -> None:
    """The study itself can fail: where one of the designs is better after all, it reports breakthroughs."""
    found = null(values(better=4.0), NullPlan(campaigns=60, designs=30), gains=())
    assert found.false_campaigns.share > 0.5


def test_the_same_seed_gives_the_same_study() -> None:
    plan = NullPlan(campaigns=20, designs=10)
    assert null(values(), plan, seed=1) == null(values(), plan, seed=1)
    assert null(values(), plan, seed=1) != null(values(), plan, seed=2)


def test_too_few_trainings_are_named() -> None:
    with pytest.raises(ValueError, match="4 designs with 5 common seeds, but 2 designs and 6 seeds are needed"):
        null(values(seeds=5), NullPlan())


def test_a_confirmation_of_one_seed_is_no_plan() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        NullPlan(seeds=1)


def test_wilson_s_interval() -> None:
    # Wilson (1927): none of 100 still allows 3.7%.
    assert share(0, 100).high == pytest.approx(0.037, abs=5e-4)
