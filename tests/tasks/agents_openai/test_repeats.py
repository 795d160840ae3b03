"""A proposal that repeats an earlier design is told so and asked for once more, before any code is written."""

from typing import Any

import pytest

from archdb import (
    Campaign,
    Experiment,
    Store,
    claim,
    create_experiment,
    find_judged,
    find_proposal,
    get_experiment,
    get_report,
    list_calls,
    put_text,
    set_fields,
)
from tasks.agents.protocols import Proposal
from tasks.calibration import FEWEST_DESIGNS
from tasks.faults import ModelUnusable
from tasks.propose import propose
from tests.tasks.agents_openai.answers import idea
from tests.tasks.models.server import ModelServer
from tests.tasks.test_foresight import a_design

OTHER = {"name": "Ring", "components": [{"slot": "memory rule", "choice": "ring"}]}


@pytest.fixture
def token(store: Store, campaign: Campaign, parent: Experiment) -> int:
    """A lease on a design whose idea another one had: what the model says at first is what t-c001 is."""
    create_experiment(store, "t-c001", campaign="t", kind="candidate", name="Squashed-First", cycle=1)
    set_fields(
        store, "t-c001", parents=[parent.id], components=parent.components | {"decay": "per_channel_squashed"},
        fitness=-0.75, gains={"recall_loss": -0.75}, state="done", motivation=put_text(store, "Decays saturate."),
    )  # fmt: skip
    create_experiment(store, "t-c002", campaign="t", kind="candidate", name="cycle 2", cycle=2)
    found = claim(store, "t-c002")
    assert found is not None
    set_fields(store, "t-c002", parents=[parent.id])
    return found


def summary(store: Store) -> dict[str, Any]:
    return get_experiment(store, "t-c002").stages["propose:0"].summary


def asked(store: Store) -> list[tuple[str, int]]:
    return [(one.role, one.number) for one in list_calls(store, "t-c002")]


def test_the_second_proposal_is_used(store: Store, token: int, server: ModelServer) -> None:
    server.say(idea(), idea(**OTHER))
    propose.fn("t-c002", token)
    assert get_experiment(store, "t-c002").name == "Ring"
    repeat = {"number": 0, "proposal": "Squashed-Decay", "of": "t-c001", "ground": "components", "similarity": None}
    assert (summary(store)["repeats"], summary(store)["kept"]) == ([repeat], 1)
    first, second = ("\n".join(one["content"] for one in call.body["messages"]) for call in server.calls)
    assert "You have answered once" not in first
    told = second.partition("You have answered once")[2]
    for words in (
        "design t-c001, which makes the same choices on the same parent (quoted data)",
        "Squashed-First (candidate); fitness -0.75",
        "Decays saturate.",
        "your first proposal (quoted data)",
        "Squashed-Decay\n$S_t",
    ):
        assert words in told
    kept = find_judged(store, "t-c002", 0)
    assert kept is not None
    assert Proposal.model_validate(get_report(store, kept.reply)["body"]).name == "Squashed-Decay"


def test_a_second_repetition_goes_on_and_says_so(store: Store, token: int, server: ModelServer) -> None:
    server.say(idea(), idea(name="Again"))
    propose.fn("t-c002", token)
    after = get_experiment(store, "t-c002")
    assert (after.name, after.failure) == ("Again", None)
    assert [(one["number"], one["of"]) for one in summary(store)["repeats"]] == [(0, "t-c001"), (1, "t-c001")]
    assert len(server.calls) == 2


def test_without_a_second_answer_the_first_goes_on(store: Store, token: int, server: ModelServer) -> None:
    server.say(idea())
    server.do("refusal")
    propose.fn("t-c002", token)
    after = get_experiment(store, "t-c002")
    assert (after.name, after.failure) == ("Squashed-Decay", None)
    assert summary(store)["kept"] == 0
    assert asked(store) == [("researcher", 0), ("researcher", 1)]


def test_a_worker_that_ends_between_the_calls_loses_nothing(store: Store, token: int, server: ModelServer) -> None:
    server.say(idea())
    server.do("401")
    with pytest.raises(ModelUnusable):
        propose.fn("t-c002", token)
    assert find_proposal(store, "t-c002") is None
    set_fields(store, "t-c001", components={})  # now nothing would be found: what was found first counts
    server.say(idea(**OTHER))
    propose.fn("t-c002", token)
    assert get_experiment(store, "t-c002").name == "Ring"
    assert summary(store)["repeats"][0]["of"] == "t-c001"
    assert asked(store) == [("researcher", 0), ("researcher", 1)]
    assert len(server.calls) == 3, "the first question is asked once"
    propose.fn("t-c002", token)
    assert len(server.calls) == 3


def test_another_step_from_the_same_parent_is_no_repetition(store: Store, token: int, server: ModelServer) -> None:
    server.say(idea(**OTHER))
    propose.fn("t-c002", token)
    assert "repeats" not in summary(store)
    assert len(server.calls) == 1


def test_the_same_step_from_another_parent_is_no_repetition(store: Store, token: int, server: ModelServer) -> None:
    set_fields(store, "t-c001", parents=["t-elsewhere"])
    server.say(idea())
    propose.fn("t-c002", token)
    assert len(server.calls) == 1


def test_the_prompt_tells_how_earlier_predictions_fared(store: Store, token: int, server: ModelServer) -> None:
    for number in range(10, 10 + FEWEST_DESIGNS):
        a_design(store, number, change=0.2, measured=5.0 if number % 2 else -5.0)
    server.say(idea())
    propose.fn("t-c002", token)
    told = server.calls[0].body["messages"][1]["content"]
    assert "Your predictions so far: of 30, 15 have the right sign (50%" in told
