"""``archloop compare``: two campaigns as a table, and for a machine."""

import json

import pytest
from typer.testing import CliRunner

from archdb import Campaign, Experiment, Store, get_campaign, open_campaign
from archdb.campaigns import set_panel
from archdb.outlines import record_outlines
from archdb.records import document
from evaluation import Panel, fitness
from flows.cli import app
from flows.cli.asked import Refused
from tasks.searches import evaluated_by, searches_of

PANEL = {
    "reference": {"recall_loss": [1.0, 2.0]},
    "baselines": {"gla": {"recall_loss": 1.0}, "gated_deltanet": {"recall_loss": 1.5}},
}
ELSEWHERE = {**PANEL, "reference": {"recall_loss": [3.0, 4.0]}}


def record(store: Store, name: str, loss: float, panel: dict[str, dict[str, object]], **settings: object) -> Campaign:
    """Fourteen evaluations, one of an ablation and one of a test among them, each better than the one before."""
    fields = {"_id": name, "scale": "nano", "provider": "grammar", "cycles": 12} | settings
    open_campaign(store, Campaign.model_validate(fields))
    set_panel(store, name, panel, 1.0)
    for number in range(1, 15):
        kind = "ablation" if number == 5 else "verification" if number == 6 else "candidate"
        one = Experiment.model_validate(
            {
                "_id": f"{name}-c{number:03d}", "campaign": name, "kind": kind, "name": "One", "state": "done",
                "fitness": 77.0, "objectives": {"recall_loss": loss - 0.1 * number}, "cpu_seconds": 60.0,
                "finished_at": 100.0 - number, "parents": [f"{name}-d{number}"],
            }
        )  # fmt: skip
        store.experiments.insert_one(document(one))
        record_outlines(store, [one])
    return get_campaign(store, name)


def test_two_campaigns_are_compared_at_equal_compute_and_against_one_panel(store: Store) -> None:
    first, second = record(store, "guided", 1.5, PANEL), record(store, "drawn", 3.5, ELSEWHERE)
    here = Panel.model_validate(PANEL)
    evaluated = evaluated_by(store, first, here)
    assert [one.design for one in evaluated].count(False) == 1
    assert evaluated[0].fitness == fitness({"recall_loss": 1.5 - 0.1 * 14}, here).value, "the last one ended first"
    found = searches_of(store, first, second)
    medians = [fitness({"recall_loss": loss - 0.1 * 8}, here).value for loss in (1.5, 3.5)]
    assert [found.first.median, found.second.median] == pytest.approx(medians)
    between = found.differences["median"]
    assert between.difference == pytest.approx(medians[0] - medians[1])
    asked = CliRunner().invoke(app, ["compare", "guided", "drawn"], catch_exceptions=False)
    rows = {line[:22].strip(): line[22:].split() for line in asked.output.splitlines()}
    assert (rows["CPU-hours"], rows["designs"], rows["families"]) == (["0.22"] * 2, ["12"] * 2, ["12"] * 2)
    assert rows["median fitness"] == [
        *(f"{one:+.2f}" for one in medians), f"{between.difference:+.2f}", f"{between.low:+.2f}", "to",
        f"{between.high:+.2f}",
    ]  # fmt: skip
    assert rows["mean of the best tenth"][-1] == "-", "twelve designs have no interval for it"
    told = json.loads(CliRunner().invoke(app, ["compare", "guided", "drawn", "--json"], catch_exceptions=False).output)
    assert told == found.model_dump(mode="json")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"scale": "micro"}, "guided has scale nano and other has micro, so their scores do not compare"),
        ({"dataset": "mine 1"}, "and other has mine 1, so their scores do not compare"),
        ({"ranked_by": "score"}, "Campaign other was imported and has no fitness"),
    ],
)
def test_what_does_not_compare_is_refused(store: Store, settings: dict[str, object], told: str) -> None:
    record(store, "guided", 1.5, PANEL)
    record(store, "other", 1.5, PANEL, **settings)
    fault = CliRunner().invoke(app, ["compare", "guided", "other"]).exception
    assert isinstance(fault, Refused)
    assert told in str(fault)


def test_a_campaign_without_baselines_is_refused(store: Store) -> None:
    second = record(store, "guided", 1.5, PANEL)
    open_campaign(store, Campaign(id="new", scale="nano", provider="grammar", cycles=1))
    with pytest.raises(ValueError, match="The baselines of new are not trained yet"):
        searches_of(store, get_campaign(store, "new"), second)
