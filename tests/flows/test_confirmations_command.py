"""``archloop confirmations``: tests on fresh seeds by objective, on a real store."""

import json

import pytest
from typer.testing import CliRunner

from archdb import Campaign, Experiment, Store, get_campaign, list_verified, open_campaign, record_verified
from archdb.campaigns import set_panel
from archdb.records import Stage, document
from evaluation import Panel, compare, confirm, fitness_of_seeds, smallest_found
from evaluation import verify as judged
from flows.cli import app
from flows.cli.asked import Refused
from flows.verify_design import sentence
from tasks.confirmed import confirmations_of

REFERENCE = {"text_bpb": [3.0, 3.1, 3.2], "recall_loss": [1.0, 1.2, 0.8], "copy_loss": [2.0, 2.1, 1.7]}
BASELINES = {"gla": dict.fromkeys(REFERENCE, 2.0), "deltanet": dict.fromkeys(REFERENCE, 2.5)}
SEEDS = (11, 12, 13)
OURS = {"text_bpb": [2.9, 3.0, 3.05], "recall_loss": [0.5, 0.7, 0.6], "copy_loss": [2.0, 2.4, 2.1]}
THEIRS = {"text_bpb": [3.0, 3.0, 3.1], "recall_loss": [0.9, 1.0, 1.2], "copy_loss": [1.9, 2.0, 2.1]}


def trained(store: Store, name: str, values: dict[str, list[float]]) -> None:
    stages = [
        Stage(
            stage="benchmark", seed=seed, started_at=1.0, seconds=1.0,
            summary={"objectives": {objective: row[place] for objective, row in values.items()}},
        )
        for place, seed in enumerate(SEEDS)
    ]  # fmt: skip
    one = Experiment.model_validate(
        {"_id": name, "campaign": "mine", "kind": "verification", "name": "x", "seeds": SEEDS, "state": "done"}
    )
    one = one.model_copy(update={"stages": {stage.key: stage for stage in stages}})
    store.experiments.insert_one(document(one))


@pytest.fixture
def tested(store: Store) -> Campaign:
    open_campaign(store, Campaign.model_validate({"_id": "mine", "scale": "nano", "provider": "grammar", "cycles": 1}))
    set_panel(store, "mine", {"reference": REFERENCE, "baselines": BASELINES}, 1.0)
    design = Experiment.model_validate(
        {"_id": "mine-c001", "campaign": "mine", "kind": "candidate", "name": "Quiet", "state": "done", "fitness": 0.1}
    )
    store.experiments.insert_one(document(design))
    trained(store, "mine-c001-verify", OURS)
    trained(store, "mine-c001-verify-gla", THEIRS)
    campaign = get_campaign(store, "mine")
    panel = Panel.model_validate(campaign.panel)
    ours, theirs = (
        fitness_of_seeds([{name: row[seed] for name, row in side.items()} for seed in range(3)], panel)
        for side in (OURS, THEIRS)
    )
    record_verified(store, "mine", "mine-c001", "gla", lambda _: judged(ours, theirs, []).model_dump(mode="json"))
    return campaign


def test_each_objective_is_paired_with_the_baseline_and_held_beside_the_reference(
    tested: Campaign, store: Store
) -> None:
    one = confirmations_of(store, tested)[0]
    recall = next(each for each in one.objectives if each.name == "recall_loss")
    paired = confirm([-value for value in OURS["recall_loss"]], [-value for value in THEIRS["recall_loss"]])
    assert recall.value == pytest.approx(0.6)
    assert recall.over_baseline.difference == pytest.approx(0.433, abs=1e-3), "less loss is a gain"
    assert (recall.over_baseline.low, recall.over_baseline.high) == (paired.low, paired.high)
    beside = compare(OURS, REFERENCE).objectives["recall_loss"]
    assert recall.over_reference.difference == pytest.approx(0.4)
    assert (recall.over_reference.low, recall.over_reference.high) == pytest.approx((-beside.high, -beside.low))
    copied = next(each for each in one.objectives if each.name == "copy_loss")
    assert copied.over_baseline.difference == pytest.approx(-1 / 6)
    assert not one.breakthrough


def test_what_could_have_been_found_is_told(tested: Campaign, store: Store) -> None:
    one = confirmations_of(store, tested)[0]
    recorded = list_verified(store, "mine")[0].result["confirmation"]
    level = list_verified(store, "mine")[0].result["level"]
    assert one.smallest_found == smallest_found(recorded["deviation"], 2, 3, level)
    design = Experiment.model_validate(store.experiments.find_one({"_id": "mine-c001"}))
    told = sentence(design, list_verified(store, "mine")[0])
    assert told.endswith(f"A true gain of {one.smallest_found:+.2f} would have been found 80% of the time.")


def test_the_command_shows_both_tables_and_json(tested: Campaign) -> None:
    shown = CliRunner().invoke(app, ["confirmations", "mine"], catch_exceptions=False, env={"COLUMNS": "200"})
    rows = {" ".join(line.split()[:2]): line.split() for line in shown.output.splitlines() if line.strip()}
    assert rows["mine-c001 gla"][2] == "3"
    assert "mine-c001 Quiet" in rows
    assert rows["In-context recall"][2:4] == ["0.6000", "+0.4333"]
    found = json.loads(CliRunner().invoke(app, ["confirmations", "mine", "--json"], catch_exceptions=False).output)
    assert [each["experiment"] for each in found] == ["mine-c001"]
    assert found[0]["objectives"][1]["over_baseline"]["difference"] == pytest.approx(0.4333, abs=1e-3)


def test_nothing_tested_and_imported_campaigns_are_told(store: Store) -> None:
    open_campaign(store, Campaign.model_validate({"_id": "new", "scale": "nano", "provider": "grammar", "cycles": 1}))
    told = CliRunner().invoke(app, ["confirmations", "new"], catch_exceptions=False, env={"COLUMNS": "200"})
    assert "No design of new was tested on fresh seeds yet: archloop verify ID, or archloop promote new." in told.output
    store.campaigns.update_one({"_id": "new"}, {"$set": {"ranked_by": "score"}})
    with pytest.raises(Refused, match="was imported and was not tested here"):
        CliRunner().invoke(app, ["confirmations", "new"], catch_exceptions=False)
