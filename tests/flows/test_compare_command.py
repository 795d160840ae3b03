"""``archloop compare``: two campaigns as a table, and for a machine."""

import json

import pytest
from typer.testing import CliRunner

from archdb import Campaign, Experiment, Store, get_campaign, open_campaign
from archdb.campaigns import set_panel
from archdb.outlines import record_outlines
from archdb.records import document
from flows.cli import app
from flows.cli.asked import Refused
from tasks.searches import searches_of, tried_by

PANEL = {"reference": {"x": [1.0, 2.0]}, "baselines": {"gla": {"x": 1.0}, "gated_deltanet": {"x": 1.5}}}


def record(store: Store, name: str, better: float, **settings: object) -> Campaign:
    fields = {"_id": name, "scale": "nano", "provider": "grammar", "cycles": 12} | settings
    open_campaign(store, Campaign.model_validate(fields))
    set_panel(store, name, PANEL, 1.0)
    for number in range(1, 15):
        kind = "ablation" if number == 5 else "verification" if number == 6 else "candidate"
        one = Experiment.model_validate(
            {
                "_id": f"{name}-c{number:03d}", "campaign": name, "kind": kind, "name": "One", "state": "done",
                "fitness": better + 0.1 * number, "cpu_seconds": 60.0, "finished_at": 100.0 - number,
                "parents": [f"{name}-gla"],
            }
        )  # fmt: skip
        store.experiments.insert_one(document(one))
        record_outlines(store, [one])
    return get_campaign(store, name)


def test_two_campaigns_are_compared_at_equal_compute(store: Store) -> None:
    first, second = record(store, "guided", 1.0), record(store, "drawn", -1.0)
    tried = tried_by(store, first)
    assert [one.design for one in tried].count(False) == 1
    assert tried[0].fitness == pytest.approx(2.4), "the last one ended first"
    asked = CliRunner().invoke(app, ["compare", "guided", "drawn"], catch_exceptions=False)
    rows = {line[:22].strip(): line[22:].split() for line in asked.output.splitlines()}
    assert rows["designs"] == ["12", "12"]
    assert rows["median fitness"][:3] == ["+1.80", "-0.20", "+2.00"]
    told = json.loads(CliRunner().invoke(app, ["compare", "guided", "drawn", "--json"], catch_exceptions=False).output)
    assert told == searches_of(store, first, second).model_dump(mode="json")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"scale": "micro"}, "guided has scale nano and other has micro, so their fitness does not compare"),
        ({"dataset": "mine 1"}, "and other has mine 1, so their fitness does not compare"),
        ({"ranked_by": "score"}, "Campaign other was imported and has no fitness"),
    ],
)
def test_what_does_not_compare_is_refused(store: Store, settings: dict[str, object], told: str) -> None:
    record(store, "guided", 1.0)
    record(store, "other", 0.0, **settings)
    fault = CliRunner().invoke(app, ["compare", "guided", "other"]).exception
    assert isinstance(fault, Refused)
    assert told in str(fault)


def test_other_baselines_are_refused(store: Store) -> None:
    first = record(store, "guided", 1.0)
    open_campaign(store, Campaign(id="wide", scale="nano", provider="grammar", cycles=1))
    set_panel(store, "wide", {**PANEL, "baselines": {**PANEL["baselines"], "kda": {"x": 1.0}}}, 1.0)
    with pytest.raises(ValueError, match=r"other baselines \(kda of one alone\)"):
        searches_of(store, first, get_campaign(store, "wide"))
