"""Two searches at equal compute."""

import random

import pytest

from evaluation import Evaluated, Searches, compare_searches


def search(seed: int, count: int, better: float = 0.0, cost: float = 10.0, siblings: int = 1) -> list[Evaluated]:
    """Designs with luck of their own and, as siblings, of their family."""
    chance, found = random.Random(seed), []
    for number in range(count):
        family = f"f{number // siblings}"
        luck = random.Random(f"{seed}/{family}").gauss(0, 1) if siblings > 1 else 0.0
        found.append(Evaluated(cost, True, better + luck + chance.gauss(0, 1), family))
    return found


def interval(found: Searches, name: str) -> tuple[float, float]:
    between = found.differences[name]
    assert between.low is not None
    assert between.high is not None
    return between.low, between.high


def test_what_is_compared_is_what_the_cheaper_search_could_pay() -> None:
    few = [Evaluated(10.0, True, float(number)) for number in range(20)]
    many = [Evaluated(5.0, True, -1.0), Evaluated(5.0, False), Evaluated(10.0, True, None)] * 40
    found = compare_searches(few, many)
    assert found.cpu_seconds == 200.0
    assert (found.first.designs, found.second.designs, found.second.failures) == (20, 20, 10)
    assert (found.first.best, found.first.top_tenth, found.first.median) == (19.0, 18.5, 9.0)
    assert (found.first.above, found.second.above) == (19 / 20, 0.0)
    assert found.second.median is None, "half of its designs failed, and the lower median is one of them"
    assert set(found.differences) == {"above", "top_tenth"}
    assert found.differences["top_tenth"].difference == 19.5
    assert compare_searches(many, few).differences["top_tenth"].difference == -19.5


def test_a_better_search_is_told_apart_and_equal_ones_are_not() -> None:
    found = compare_searches(search(1, 150, better=1.0), search(2, 150))
    for name in ("above", "median", "top_tenth"):
        assert interval(found, name)[0] > 0, name
    covered = 0
    for seed in range(40):
        low, high = interval(compare_searches(search(seed, 80), search(seed + 100, 80), resamples=300), "median")
        covered += low <= 0 <= high
    assert covered >= 34, "of 95%, 38 are expected of 40"


def test_siblings_are_drawn_together() -> None:
    first, second = search(1, 120, siblings=12), search(2, 120, siblings=12)
    alone = [[one._replace(family="") for one in each] for each in (first, second)]
    low, high = interval(compare_searches(first, second), "median")
    narrow_low, narrow_high = interval(compare_searches(*alone), "median")
    assert high - low > 1.5 * (narrow_high - narrow_low)


def test_there_is_no_interval_where_resampling_gives_none() -> None:
    few = compare_searches(search(1, 120, siblings=15), search(2, 120))
    assert {one.low for one in few.differences.values()} == {None}, "eight families"
    assert compare_searches(search(1, 90), search(2, 90)).differences["top_tenth"].low is None, (
        "a tenth is nine designs"
    )
    failing = [one._replace(fitness=None) if place % 9 < 4 else one for place, one in enumerate(search(1, 120))]
    found = compare_searches(failing, search(2, 120))
    assert found.first.median is not None
    assert found.differences["median"].low is None, "most would have failed in some draws"
    hopeless = [one._replace(fitness=None) if place > 10 else one for place, one in enumerate(search(1, 120))]
    assert compare_searches(hopeless, search(2, 120)).first.top_tenth is None


def test_too_few_designs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"At 0.03 CPU-hours the second search has 9 designs with a fitness, and 10"):
        compare_searches(search(1, 90, cost=1.0), search(2, 9))
