"""Which MLflow run is a design's, on a real MLflow database."""

from archdb import Campaign, Store, create_experiment, open_campaign
from tasks import tracking


def test_designs_of_one_name_in_two_stores_have_a_run_each(store: Store) -> None:
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays"))
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    other = one.model_copy(update={"created_at": one.created_at + 1e-6, "parents": ("t-gla",)})
    runs = [tracking.find_or_start_run(campaign, design, None, 1.0) for design in (one, other, one, other)]
    assert runs[:2] == runs[2:]
    assert runs[0] != runs[1]
    assert tracking.client().get_run(runs[1]).data.tags["archloop.parent"] == "t-gla"
