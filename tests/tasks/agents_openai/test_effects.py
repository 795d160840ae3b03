"""What is certain of components over a population reaches the Researcher, and nothing where nothing is."""

import random

import pytest

from archdb import Experiment, Store
from archdb.cognition import index_cognition
from archdb.outlines import record_outlines
from archdb.records import document
from tasks.propose import propose
from tests.tasks.agents_openai.answers import idea
from tests.tasks.agents_openai.test_cycle import begun, shown
from tests.tasks.models.server import ModelServer

SLOTS = {"decay": ("none", "fixed", "learned"), "key_norm": ("none", "l2"), "gate": ("none", "silu")}


def plant(store: Store, worth: float) -> None:
    """Thirty parents with four children each, of which those with a fixed decay recall better by ``worth``."""
    chance = random.Random(0)
    grown = []
    for number in range(120):
        made = {slot: chance.choice(choices) for slot, choices in SLOTS.items()}
        gain = worth * (made["decay"] == "fixed") + chance.gauss(0, 0.2)
        grown.append(
            Experiment(
                id=f"t-c{number + 100}", campaign="t", kind="candidate", name=f"N{number}", cycle=number + 100,
                parents=(f"t-p{number // 4}",), path=("t-gla",), components=made, state="done", fitness=gain / 3,
                gains={"text_bpb": chance.gauss(0, 0.2), "recall_loss": gain, "copy_loss": 0.0},
            )
        )  # fmt: skip
    store.experiments.insert_many([document(one) for one in grown])
    record_outlines(store, grown)


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize("worth", [1.0, 0.0], ids=["planted", "nothing"])
def test_a_planted_effect_reaches_the_prompt(store: Store, server: ModelServer, worth: float) -> None:
    index_cognition(store)
    plant(store, worth)
    server.say(idea())
    token = begun(store)
    propose.fn("t-c001", token)
    told = shown(server, 0)
    lines = [one for one in told.splitlines() if one.startswith("decay=fixed: ") and " in recall_loss (" in one]
    assert ("# What is certain of components" in told) == bool(worth)
    assert len(lines) == bool(worth)
    if worth:
        assert 0.3 < float(lines[0].split()[1]) < 1.0
    propose.fn("t-c001", token)
    assert len(server.calls) == 1, "done again, nobody is asked"
