"""Predictions beside what was measured, from what a campaign has recorded, and the command that shows them."""

import json

import pytest
from typer.testing import CliRunner

from archdb import (
    Campaign,
    Experiment,
    Failed,
    Proposed,
    Store,
    create_experiment,
    get_campaign,
    get_experiment,
    open_campaign,
    put_report,
    record_once,
    set_fields,
    set_panel,
)
from flows.cli import app
from tasks import foresight as module
from tasks.agents.openai import sections
from tasks.agents.protocols import Prediction, Proposal
from tasks.calibration import FEWEST_DESIGNS
from tasks.foresight import foresight, noise_of
from tasks.models.prompt import most_tokens
from tests.tasks.test_stages import PANEL

NAMES = ("text_bpb", "recall_loss", "copy_loss")


@pytest.fixture
def campaign(store: Store) -> Campaign:
    open_campaign(store, Campaign(id="t", scale="tiny", provider="openai", cycles=9, dataset="plays"))
    create_experiment(store, "t-gla", campaign="t", kind="baseline", name="gla")
    set_fields(store, "t-gla", gains=dict.fromkeys(NAMES, 0.5), fitness=0.5, state="done", seeds=[0, 1, 2])
    return set_panel(store, "t", PANEL, 60.0)


def a_design(store: Store, number: int, change: float, measured: float | None, parent: str = "t-gla") -> Experiment:
    """A design that was proposed with a prediction of each objective, and measured, or failed."""
    name = f"t-c{number:03d}"
    create_experiment(store, name, campaign="t", kind="candidate", name=name, cycle=number)
    said = tuple(Prediction(objective=one, change=change, confidence=0.8) for one in NAMES)
    proposal = Proposal(name=name, motivation="", parents=(parent,), predictions=said)
    reply = put_report(store, "Proposal", 1, proposal.model_dump(mode="json"))
    record_once(store, Proposed(id=name, campaign="t", name=name, parents=(parent,), reply=reply))
    if measured is None:
        failure = Failed(stage="compile-check", kind="crashed", message="no")
        return set_fields(store, name, parents=[parent], state="failed", failure=failure)
    gains = dict.fromkeys(NAMES, 0.5 + measured)
    return set_fields(store, name, parents=[parent], state="done", gains=gains, fitness=0.5 + measured)


def test_predictions_are_paired_with_the_change_against_the_first_parent(
    store: Store, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert foresight(store, campaign).predictions == 0
    a_design(store, 1, change=0.2, measured=0.4)
    a_design(store, 2, change=0.2, measured=None)
    a_design(store, 3, change=0.2, measured=0.4, parent="t-c002")  # of a parent that was never measured
    create_experiment(store, "t-c004", campaign="t", kind="candidate", name="in flight", cycle=4)
    found = foresight(store, campaign)
    assert (found.predictions, found.failed, found.unmeasured) == (9, 3, 3)
    assert found.scores is not None
    assert (found.scores.right.count, found.scores.right.of, found.scores.designs) == (3, 3, 1)

    read: list[str] = []
    whole = module.predictions_of
    monkeypatch.setattr(module, "predictions_of", lambda store, some: read.extend(some) or whole(store, some))
    a_design(store, 5, change=0.2, measured=-0.4)
    found = foresight(store, campaign)
    assert read == ["t-c005"], "what has ended is read once"
    assert found.scores is not None
    assert (found.scores.right.count, found.scores.right.of) == (3, 6)


def test_noise_is_that_of_both_sides(store: Store, campaign: Campaign) -> None:
    one = a_design(store, 1, change=0.2, measured=0.4)
    known = {"t-gla": get_experiment(store, "t-gla")}
    (said, *_) = module.predictions_of(store, [one.id])[one.id]
    pair = module.pair_of(one, said, known, noise_of(campaign))
    assert pair is not None
    assert pair.measured == pytest.approx(0.4)
    assert pair.noise == pytest.approx(noise_of(campaign)["text_bpb"] * (1 + 1 / 3) ** 0.5)
    assert 0 < noise_of(campaign)["text_bpb"] < 1
    assert noise_of(get_campaign(store, "t").model_copy(update={"panel": None})) == {}


def test_the_command_shows_the_table_and_the_researcher_is_told_when_there_is_enough(
    store: Store, campaign: Campaign
) -> None:
    run = CliRunner()
    assert "no prediction was made" in run.invoke(app, ["calibration", "t"]).output
    assert sections.foresight(foresight(store, campaign)) == ""
    for number in range(1, FEWEST_DESIGNS + 1):
        a_design(store, number, change=0.2, measured=0.4 if number % 3 else -0.4)
    a_design(store, 50, change=0.2, measured=None)
    shown = run.invoke(app, ["calibration", "t"])
    assert shown.exit_code == 0
    for words in ("33 predictions, 30 measured, 3 of designs that failed", "0.8 to 0.9", "70%", "base rate"):
        assert words in shown.output
    told = json.loads(run.invoke(app, ["calibration", "t", "--json"]).output)
    assert (told["campaign"], told["failed"], told["scores"]["right"]["count"]) == ("t", 3, 21)
    text = sections.foresight(foresight(store, campaign))
    assert "of 30, 21 have the right sign (70%" in text
    assert "0.8 to 0.9, 21 of 30 right" in text
    assert most_tokens(text) <= 600
    assert most_tokens(sections.foresight(foresight(store, campaign), 200)) <= 200


def test_a_campaign_that_is_not_there_is_named(store: Store) -> None:
    assert CliRunner().invoke(app, ["calibration", "nowhere"]).exit_code != 0
