"""Which MLflow run is a design's, on a real MLflow database."""

from archdb import Campaign, ModelAttempt, Store, create_experiment, open_campaign
from tasks import tracking
from tasks.models.prompt import Prompt
from tasks.models.traces import trace_call


def test_designs_of_one_name_in_two_stores_have_a_run_each(store: Store) -> None:
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays"))
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    other = one.model_copy(update={"created_at": one.created_at + 1e-6, "parents": ("t-gla",)})
    runs = [tracking.find_or_start_run(campaign, design, None, 1.0) for design in (one, other, one, other)]
    assert runs[:2] == runs[2:]
    assert runs[0] != runs[1]
    assert tracking.client().get_run(runs[1]).data.tags["archloop.parent"] == "t-gla"


def test_a_run_shows_the_model_calls_of_its_own_store_alone(store: Store) -> None:
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="openai", cycles=1, dataset="plays"))
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    other = one.model_copy(update={"created_at": one.created_at + 1e-6})
    asked = ModelAttempt(
        id="t-c001/analyst/0/0", call="t-c001/analyst/0", number=0, campaign="t", experiment="t-c001", role="analyst",
        model="m", kind="answered", created_at=1.0,
    )  # fmt: skip
    trace_call(store, campaign, Prompt(system="who", user="what"), [asked])
    runs = [tracking.find_or_start_run(campaign, design, None, 1.0) for design in (one, other)]
    for run, design in zip(runs, (one, other), strict=True):
        tracking.link_traces(run, campaign.scale, design)
    folder = tracking.folder_of(campaign.scale)
    found = [tracking.client().search_traces(locations=[folder], run_id=run) for run in runs]
    assert [len(some) for some in found] == [1, 0]
