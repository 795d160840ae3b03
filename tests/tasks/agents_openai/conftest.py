"""A campaign with one scored parent, whose models a real server on loopback answers for."""

from typing import Any

import pytest

from archdb import Campaign, Experiment, Store, claim, create_experiment, get_experiment, open_campaign, set_fields
from archdb import set_panel as fix_panel
from tasks.codegen import adopt
from tasks.domain import domain_of
from tests.tasks.models.conftest import forgetful, models, served, server
from tests.tasks.test_stages import PANEL

__all__ = ["forgetful", "models", "served", "server"]


@pytest.fixture
def campaign(store: Store) -> Campaign:
    open_campaign(store, Campaign(id="t", scale="tiny", provider="openai", cycles=1, dataset="plays"))
    return fix_panel(store, "t", PANEL, 60.0)


@pytest.fixture
def parent(store: Store, campaign: Campaign, served: dict[str, Any]) -> Experiment:
    """The GLA baseline, with a fitness."""
    one = create_experiment(store, "t-gla", campaign="t", kind="baseline", name="gla")
    token = claim(store, one.id)
    assert token is not None
    adopt.fn(one.id, token, domain_of("evaluation").baseline_source("gla"))
    gains = {"text_bpb": 0.1, "recall_loss": -0.2, "copy_loss": 0.0}
    set_fields(store, one.id, fitness=0.5, gains=gains, state="done")
    return get_experiment(store, one.id)
