"""Which baselines a campaign trains: the default ones, and by name any other."""

import pytest

from archdb.copies import Settings
from evaluation import baselines
from flows.settings import campaign_record
from flows.wanted_baselines import baseline_trainings, wanted_baselines
from tests.flows.test_campaign import BASELINES


def test_a_campaign_trains_the_default_ones_unasked() -> None:
    record = campaign_record("t", 0, "tiny", "grammar", 0, "evaluation")
    assert set(wanted_baselines(record)) == BASELINES
    assert baseline_trainings(record) == 4 + 3


def test_others_are_trained_by_name_in_the_order_of_their_papers() -> None:
    record = campaign_record("t", 0, "tiny", "grammar", 0, "evaluation", ["kda", "retnet", "gla", "kda"])
    assert record.further_baselines == ("retnet", "kda")
    assert list(wanted_baselines(record)) == [name for name in baselines() if name in BASELINES | {"retnet", "kda"}]
    assert baseline_trainings(record) == 4 + 3 + 2


def test_an_unknown_baseline_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'lstm' is no baseline: choose one of softmax_attention, linear_attention"):
        campaign_record("t", 0, "tiny", "grammar", 0, "evaluation", ["lstm"])


def test_the_families_of_a_search_are_trained_beside_the_default_ones() -> None:
    record = campaign_record("t", 0, "tiny", "grammar", 0, "evaluation", families=["mamba2", "kda", "kda"])
    assert record.families == tuple(one for one in baselines() if one in ("mamba2", "kda"))
    assert set(wanted_baselines(record)) == BASELINES | {"mamba2", "kda"}
    held = Settings.model_validate(record.model_dump())
    assert held.families == record.families, "a cassette runs the same search again"


@pytest.mark.parametrize(
    ("name", "why"), [("lstm", "'lstm' is no baseline, so"), ("softmax_attention", "is quadratic, and never improved")]
)
def test_a_family_that_no_search_can_start_from_is_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"{why}.*choose from linear_attention, .*gla"):
        campaign_record("t", 0, "tiny", "grammar", 0, "evaluation", families=[name])
