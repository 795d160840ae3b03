"""Which MLflow run is a design's, on a real MLflow database."""

from archdb import Campaign, Failed, ModelAttempt, Store, create_experiment, open_campaign, set_fields
from tasks import tracking
from tasks.models.prompt import Prompt
from tasks.models.traces import trace_call
from tasks.verify import close_untested


def test_designs_of_one_name_in_two_stores_have_a_run_each(store: Store) -> None:
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays"))
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    other = one.model_copy(update={"created_at": one.created_at + 1e-6, "parents": ("t-gla",)})
    runs = [tracking.find_or_start_run(campaign, design, None, 1.0) for design in (one, other, one, other)]
    assert runs[:2] == runs[2:]
    assert runs[0] != runs[1]
    assert tracking.client().get_run(runs[1]).data.tags["archloop.parent"] == "t-gla"


def test_runs_of_another_domain_lie_apart(store: Store) -> None:
    folders = [tracking.folder_of("tiny", domain) for domain in ("evaluation", "update_rules")]
    names = [tracking.client().get_experiment(one).name for one in folders]
    assert names == ["archloop-tiny", "archloop-update_rules-tiny"]


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
        tracking.link_traces(run, campaign, design)
    folder = tracking.folder_of(campaign.scale, campaign.domain)
    found = [tracking.client().search_traces(locations=[folder], run_id=run) for run in runs]
    assert [len(some) for some in found] == [1, 0]


def test_of_a_pair_that_cannot_be_tested_both_runs_are_closed(store: Store) -> None:
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, dataset="plays"))
    pair = []
    for name in ("verify", "verify-gla"):
        one = create_experiment(store, f"t-c001-{name}", campaign="t", kind="verification", name=name)
        run = tracking.find_or_start_run(campaign, one, None, 1.0)
        pair.append(set_fields(store, one.id, mlflow_run=run))
    failure = Failed(stage="gpu-train", kind="diverged", message="It diverged.")
    pair[0] = set_fields(store, pair[0].id, state="failed", failure=failure)
    for _ in range(2):  # a flow that is run again closes them again
        close_untested(store, pair[0], pair[1], "t-c001")
    states = [tracking.client().get_run(one.mlflow_run).info.status for one in pair]
    assert states == ["FAILED", "FINISHED"]
