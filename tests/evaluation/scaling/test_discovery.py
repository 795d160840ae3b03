"""Laws are found again in discoveries that were drawn from them, and searches that follow none are told so."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from evaluation.scaling import discovery_law
from evaluation.scaling.laws import LAWS, LOGARITHMIC, POWER, SATURATING, fit, interval

DRAWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda p: p,
    "power": lambda p: p**2,  # b = 1/2
    "logarithmic": lambda p: LOGARITHMIC.quantile(p, 0.02),
    "saturating": lambda p: SATURATING.quantile(p, 0.2),
}


def drawn(law: str, count: int, seed: int) -> np.ndarray:
    return np.clip(DRAWS[law](np.random.default_rng(seed).uniform(size=count)), 1e-9, 1.0)


@pytest.mark.parametrize("law", DRAWS)
def test_the_law_that_was_planted_is_not_excluded_and_fits(law: str) -> None:
    found = discovery_law([500 * one for one in drawn(law, 200, 3)], 500, simulations=60)
    assert law in found.alike
    assert next(one for one in found.laws if one.name == law).p > 0.05
    if law != "linear":
        assert "linear" not in found.alike
    assert sum(one.weight for one in found.laws) == pytest.approx(1)


@pytest.mark.parametrize(("law", "truth"), [(POWER, 0.5), (LOGARITHMIC, 0.02), (SATURATING, 0.2)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(law: type, truth: float) -> None:
    covered = 0
    for seed in range(100):
        events = np.sort(drawn(law.name, 60, seed))
        low, high = interval(law, events, fit(law, events))
        covered += (low or 0.0) <= truth <= (high or math.inf)
    assert 88 <= covered <= 100  # 95 expected; fewer than 88 has a chance below 1 in 400


def test_each_law_gives_what_was_counted_at_the_end_and_its_parts_agree() -> None:
    found = discovery_law(list(drawn("power", 40, 1)), 1.0, simulations=20)
    assert {one.name for one in found.laws} == {law.name for law in LAWS}
    (end,) = (one for one in found.curve if one.compute == pytest.approx(1.0))
    assert end.expected == pytest.approx(40)
    assert end.low < 40 < end.high
    at = np.array([0.1, 0.5, 0.9])
    for law in LAWS:
        assert law.quantile(law.share(at, 0.7), 0.7) == pytest.approx(at)
        width = 1e-6
        slope = (law.share(at + width, 0.7) - law.share(at - width, 0.7)) / (2 * width)
        assert np.exp(law.log_density(at, 0.7)) == pytest.approx(slope, rel=1e-4)


def test_compute_may_come_in_any_unit() -> None:
    hours, days = (discovery_law([k * one for one in drawn("saturating", 50, 2)], k, 20) for k in (240.0, 10.0))
    for one, other in zip(hours.laws, days.laws, strict=True):
        assert (one.name, one.criterion) == (other.name, pytest.approx(other.criterion))
        if one.name in ("saturating", "logarithmic"):
            assert one.value == pytest.approx(24 * (other.value or 0))
    saturating = next(one for one in hours.laws if one.name == "saturating")
    assert saturating.amplitude * -math.expm1(-240 / (saturating.value or 1)) == pytest.approx(50)


def test_discoveries_that_come_at_once_fit_none_of_the_laws() -> None:
    moments = [0.5 + one / 1e4 for one in range(60)]
    assert all(one.p < 0.05 for one in discovery_law(moments, 1.0, simulations=60).laws)


def test_few_discoveries_give_a_rate_and_no_law() -> None:
    none = discovery_law([], 100)
    assert (none.discoveries, none.rate, none.rate_low, none.laws) == (0, 0, 0, ())
    assert none.rate_high == pytest.approx(-math.log(0.025) / 100)
    assert discovery_law([1, 2, 3, 4], 100).laws == ()


@pytest.mark.parametrize("moment", [0.0, -1.0, 101.0])
def test_a_discovery_outside_of_the_search_is_refused(moment: float) -> None:
    with pytest.raises(ValueError, match="between 0 and the compute spent"):
        discovery_law([5, moment], 100)
