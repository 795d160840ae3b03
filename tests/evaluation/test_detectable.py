"""The smallest gain that a test finds, against drawn tests."""

import numpy as np
import pytest

from evaluation.confirmation import confirm
from evaluation.detectable import smallest_found


def found_of(gain: float, seeds: int, level: float, others: int, draws: int = 4000) -> float:
    rng = np.random.default_rng(0)

    def test() -> bool:
        earlier = rng.standard_normal((others, seeds)).tolist()
        return confirm((gain + rng.standard_normal(seeds)).tolist(), [0.0] * seeds, earlier).p <= level

    return float(np.mean([test() for _ in range(draws)]))


@pytest.mark.parametrize(("seeds", "level", "others"), [(3, 0.05, 0), (3, 0.0024, 5), (5, 0.0024, 0)])
def test_a_gain_of_that_size_is_found_four_times_in_five(seeds: int, level: float, others: int) -> None:
    gain = smallest_found(1.0, (seeds - 1) * (others + 1), seeds, level)
    assert found_of(gain, seeds, level, others) == pytest.approx(0.8, abs=0.03)


def test_more_seeds_and_less_spread_find_smaller_gains() -> None:
    few, many = (smallest_found(0.5, 12, seeds, 0.01) for seeds in (3, 12))
    assert many == pytest.approx(few / 2)
    assert smallest_found(0.25, 12, 3, 0.01) == pytest.approx(few / 2)
    assert smallest_found(0.0, 12, 3, 0.01) == 0.0


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 0.9}, {"degrees": 0}, {"seeds": 0}, {"deviation": -1.0}])
def test_numbers_of_no_test_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="No test has"):
        smallest_found(**({"deviation": 1.0, "degrees": 4, "seeds": 3, "level": 0.05} | wrong))  # type: ignore[arg-type]
