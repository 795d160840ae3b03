"""A desk keeps its experiment's lease while a model thinks."""

import pytest
from pydantic import BaseModel

from archdb import Campaign, Experiment, Store, claim, create_experiment, get_experiment
from tasks.agents.desk import desk_of
from tasks.models import Prompt
from tests.tasks.models.server import ModelServer


class Part(BaseModel):
    name: str
    size: int


def test_a_lease_is_renewed_while_a_model_thinks(
    store: Store, campaign: Campaign, parent: Experiment, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.agents.desk.RENEW_SECONDS", 0.02)
    create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    assert claim(store, "t-c001") is not None
    before = get_experiment(store, "t-c001")
    server.do("slow")
    desk = desk_of(store, campaign, before)
    assert desk.ask("researcher", 0, Prompt(system="s", user="u"), Part).size == 3
    after = get_experiment(store, "t-c001").lease
    assert after.token == before.lease.token
    assert after.expires > before.lease.expires
