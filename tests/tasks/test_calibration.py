"""Planted forecasters are told apart by the numbers, and what cannot be said is not said."""

import numpy as np
import pytest
from scipy import stats

from tasks.calibration import Calibration, Pair, calibrate

OBJECTIVES = ("text", "recall", "copy")
TOO_SURE = 0.25  # added to an honest confidence


def forecasts(kind: str, designs: int = 60, seed: int = 0) -> list[Pair]:
    """Changes that fall more often than they rise, of objectives that move together, and what somebody said of them.

    Who is calibrated knows the mean of each change and how far luck will move it. The overconfident one says the same
    directions, surer; the random one says anything.
    """
    chance = np.random.default_rng(seed)
    found = []
    for design in range(designs):
        shared = chance.normal(-0.4, 0.8)
        for name in OBJECTIVES:
            mean = shared + chance.normal(0, 0.6)
            measured = mean + chance.normal(0, 1.0)
            confidence = float(stats.norm.cdf(abs(mean)))
            if kind == "overconfident":
                mean, confidence = mean + chance.normal(0, 1.5), min(1.0, confidence + TOO_SURE)
            elif kind == "random":
                mean, confidence = chance.normal(), chance.uniform(0.3, 1.0)
            found.append(
                Pair(
                    experiment=f"c{design}", objective=name, change=mean, confidence=confidence, measured=measured,
                    noise=0.3,
                )
            )  # fmt: skip
    return found


def test_who_is_calibrated_beats_the_base_rate() -> None:
    found = calibrate(forecasts("calibrated"))
    assert found.scores is not None
    assert found.scores.skill is not None
    assert found.scores.rank is not None
    assert found.scores.skill.low > 0
    assert found.scores.excess.low < 0 < found.scores.excess.high
    assert found.scores.rank.low > 0
    assert found.verdict.startswith("Better than always saying the base rate")
    assert "confiden" not in found.verdict
    for one in found.bins:
        assert one.right.low <= one.confidence <= one.right.high
    assert set(found.objectives) == set(OBJECTIVES)
    assert found.clear is not None
    assert found.clear.right.share > found.scores.right.share


@pytest.mark.parametrize("kind", ["overconfident", "random"])
def test_who_is_too_sure_is_told_so(kind: str) -> None:
    found = calibrate(forecasts(kind))
    assert found.scores is not None
    assert found.scores.skill is not None
    assert found.scores.skill.high < 0
    assert found.scores.excess.low > 0
    assert found.verdict.startswith("Worse than always saying the base rate")
    assert "overconfident: mean confidence" in found.verdict


def test_the_overconfident_one_still_knows_something_and_the_random_one_nothing() -> None:
    knows, guesses = (calibrate(forecasts(kind)).scores for kind in ("overconfident", "random"))
    assert knows is not None
    assert guesses is not None
    assert knows.rank is not None
    assert guesses.rank is not None
    assert knows.rank.low > 0
    assert guesses.rank.low < 0 < guesses.rank.high
    assert knows.right.low > 0.5


def test_saying_the_base_rate_is_seldom_called_better_or_worse() -> None:
    called = 0
    for seed in range(30):
        said = [one.model_copy(update={"change": -1.0, "confidence": 0.62}) for one in forecasts("random", 15, seed)]
        skill = scores_of(calibrate(said)).skill
        called += skill is not None and (skill.low > 0 or skill.high < 0)
    assert called <= 4


def scores_of(found: Calibration):  # type: ignore[no-untyped-def]
    assert found.scores is not None
    return found.scores


def test_intervals_take_the_predictions_of_a_design_together() -> None:
    pairs = forecasts("calibrated")
    alone = [one.model_copy(update={"experiment": f"{number}"}) for number, one in enumerate(pairs)]
    together, apart = (scores_of(calibrate(some)).rank for some in (pairs, alone))
    assert together.high - together.low > 1.1 * (apart.high - apart.low)
    assert together.value == pytest.approx(
        stats.spearmanr([one.change for one in pairs], [one.measured for one in pairs]).statistic
    )


def test_ties_share_their_ranks() -> None:
    pairs = [one.model_copy(update={"change": float(np.sign(one.change))}) for one in forecasts("calibrated")]
    expected = stats.spearmanr([one.change for one in pairs], [one.measured for one in pairs]).statistic
    assert scores_of(calibrate(pairs)).rank.value == pytest.approx(expected)


def test_a_confidence_below_a_half_says_the_other_sign() -> None:
    pairs = forecasts("calibrated")
    turned = [one.model_copy(update={"change": -one.change, "confidence": 1 - one.confidence}) for one in pairs]
    before, after = scores_of(calibrate(pairs)), scores_of(calibrate(turned))
    assert after.brier == pytest.approx(before.brier)
    assert after.skill.value == pytest.approx(before.skill.value)


def test_too_few_and_none_are_said_to_be_so() -> None:
    few = calibrate(forecasts("calibrated", designs=4), failed=3, unmeasured=2)
    assert (few.predictions, few.failed, few.unmeasured, few.enough) == (17, 3, 2, False)
    assert scores_of(few).rank is None
    assert few.verdict == "Too few to say: 12 of 30 predictions, 4 of 10 designs."
    none = calibrate([], failed=6)
    assert (none.scores, none.bins, none.enough) == (None, (), False)
    assert none.verdict == "No prediction has been measured yet."


@pytest.mark.parametrize(("sign", "way"), [(-1, "down"), (1, "up")])
def test_gains_that_all_go_one_way_leave_nothing_to_tell_apart(sign: int, way: str) -> None:
    found = calibrate(
        [one.model_copy(update={"measured": sign * abs(one.measured)}) for one in forecasts("random", designs=31)]
    )
    assert scores_of(found).skill is None
    assert found.verdict.startswith(f"Nothing can be said of skill, since every gain went {way}")


def test_no_change_has_no_sign() -> None:
    pairs = forecasts("calibrated")
    still = [pairs[0].model_copy(update={"change": 0.0}), pairs[1].model_copy(update={"measured": 0.0}), *pairs[2:]]
    found = calibrate(still)
    assert (found.unsigned, scores_of(found).right.of, found.predictions) == (2, len(pairs) - 2, len(pairs))
