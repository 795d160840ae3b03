"""``archloop families``: the families of a campaign as a table, and for a machine."""

import json

import pytest
from typer.testing import CliRunner

from archdb import Campaign, Store, get_campaign, open_campaign
from flows.cli import app
from flows.cli.asked import Refused
from tasks.families import families_of
from tests.flows.report_search import record_search


def test_families_are_printed_and_told_to_machines(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    record_search(store)
    asked = CliRunner().invoke(app, ["families", "search"], catch_exceptions=False)
    found = families_of(store, get_campaign(store, "search"))
    assert "search started from gated_deltanet, gla." in " ".join(asked.output.split())
    for one in found.families:
        line = next(line for line in asked.output.splitlines() if line.startswith(f"{one.name} "))
        assert line.split()[2:4] == [str(one.designs), str(one.failures)]
        assert line.split()[-4:] == f"{one.rate:.3g} {one.rate_low:.3g} to {one.rate_high:.3g}".split()
    told = json.loads(CliRunner().invoke(app, ["families", "search", "--json"], catch_exceptions=False).output)
    assert told == found.model_dump(mode="json")


def test_a_campaign_without_designs_says_so(store: Store) -> None:
    open_campaign(store, Campaign(id="new", scale="nano", provider="grammar", cycles=1))
    assert "no design has ended yet" in CliRunner().invoke(app, ["families", "new"]).output


def test_an_imported_campaign_has_no_families(store: Store) -> None:
    open_campaign(store, Campaign(id="i", scale="nano", provider="grammar", cycles=0, ranked_by="score"))
    fault = CliRunner().invoke(app, ["families", "i"]).exception
    assert isinstance(fault, Refused)
    assert "has no baselines of ours" in str(fault)


@pytest.mark.parametrize("command", ["families", "leaderboard", "status", "calibration"])
def test_a_campaign_is_named_by_an_argument_or_an_option(store: Store, command: str) -> None:
    record_search(store)
    ways = (["search"], ["-c", "search"], ["search", "--campaign", "search"])
    told = {CliRunner().invoke(app, [command, *way], catch_exceptions=False).output for way in ways}
    assert len(told) == 1
    fault = CliRunner().invoke(app, [command, "search", "-c", "other"]).exception
    assert isinstance(fault, Refused)
    assert "search and other are two campaigns" in str(fault)
