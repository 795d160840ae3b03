"""``archloop audit verify`` on a real campaign with its anchors in a real MLflow."""

import json
import subprocess

import pytest

from archdb import Store, campaign_experiments, events_after, log_head
from tasks.anchors import find_anchors
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory

Done = subprocess.CompletedProcess[str]


def test_a_campaign_that_ran_undisturbed_is_sound(finished: Done, lab: Lab, lab_store: Store) -> None:
    told = lab.run("audit", "verify", "--campaign", "t", "--json")
    found = json.loads(told.stdout)
    assert (told.returncode, found["faults"], found["sound"]) == (0, [], True), told.stderr
    experiments = campaign_experiments(lab_store, "t")
    assert found["experiments"] == len(experiments)
    assert found["events"] >= sum(len(one.stages) for one in experiments)
    assert found["head"] == str(log_head(lab_store))
    runs = {one.run: one for one in find_anchors(lab_store).found}
    assert {one.mlflow_run for one in experiments} <= set(runs)
    assert "" in runs, "the end of the campaign is no anchor"
    assert found["anchors"] >= len(experiments) + 1
    closed = {one.subject: one.id for one in events_after(lab_store, 0, 10_000, "t") if one.key.endswith("/analyze:0")}
    for one in experiments:
        assert runs[one.mlflow_run or ""].sequence >= closed[one.id], "a design's own result is not behind its anchor"


@pytest.mark.slow
def test_what_was_tampered_with_is_told_in_a_sentence(finished: Done, lab: Lab, lab_store: Store) -> None:
    one = next(one for one in campaign_experiments(lab_store, "t") if one.kind == "candidate")
    lab_store.experiments.update_one({"_id": one.id}, {"$set": {"fitness": 99.0}})
    told = lab.run("audit", "verify", "-c", "t")
    lab_store.experiments.update_one({"_id": one.id}, {"$set": {"fitness": one.fitness}})
    assert told.returncode == 1
    assert "The fitness is 99.0, and event" in told.stdout
    assert f"told {one.fitness}: it was edited since; restore the store from a backup" in told.stdout

    end = log_head(lab_store)
    assert end is not None
    last = lab_store.events.find_one({"_id": end.sequence})
    assert last is not None
    lab_store.events.delete_one({"_id": end.sequence})
    cut = lab.run("audit", "verify", "-c", "t")
    blind = lab.run("audit", "verify", "-c", "t", "--without-anchors", "--json")
    lab_store.events.insert_one(last)
    assert cut.returncode == 1
    assert f"Event {end.sequence} is missing: the " in cut.stdout
    assert f"the log ends at {end.sequence - 1}, so its tail was cut off" in cut.stdout
    assert json.loads(blind.stdout)["anchors"] is None
    assert "cut" not in {fault["kind"] for fault in json.loads(blind.stdout)["faults"]}

    whole = lab.run("audit", "verify", "-c", "t")
    assert whole.returncode == 0, whole.stdout[-3000:]
    assert "nothing wrong." in whole.stdout


@pytest.mark.slow
def test_without_mlflow_the_anchors_are_missed(
    finished: Done, lab: Lab, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    told = lab.run("audit", "verify", "-c", "t")
    assert told.returncode == 1
    assert "The anchors were not checked, so a tail that was cut off would go unseen: MLflow at " in told.stdout
    assert "nothing wrong." in told.stdout
    without = lab.run("audit", "verify", "-c", "t", "--without-anchors")
    assert without.returncode == 0, without.stdout[-3000:]
    assert "anchors not checked" in without.stdout
    unknown = lab.run("audit", "verify", "-c", "nowhere", "--without-anchors")
    assert unknown.returncode == 1
    assert "No campaign is called nowhere" in unknown.stderr
