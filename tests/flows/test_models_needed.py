"""A campaign whose models cannot be asked is refused before it begins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from archdb import Campaign, Conflict, NotFound, Store, get_campaign
from flows.settings import campaign_record, open_checked
from tasks.agents.providers import agents_of
from tasks.faults import ModelUnusable
from tests.flows.test_refusals import NO_PREFECT, archloop, assert_one_sentence
from tests.tasks.models.conftest import models

__all__ = ["models"]
HERE = {"name": "m", "base_url": "http://127.0.0.1:9/v1"}


def wanted(model: str = "") -> Campaign:
    return campaign_record("t", 1, "tiny", "openai", 0, "evaluation", model=model)


def test_a_model_without_its_key_is_refused_and_leaves_no_campaign(store: Store, models: Callable[..., Path]) -> None:
    models(HERE | {"key_variable": "NO_SUCH_KEY"})
    with pytest.raises(ModelUnusable, match="NO_SUCH_KEY"):
        open_checked(store, wanted())
    with pytest.raises(NotFound):
        get_campaign(store, "t")


def test_a_role_without_a_model_is_refused(store: Store, models: Callable[..., Path]) -> None:
    models(HERE | {"roles": ("researcher", "engineer")})
    with pytest.raises(ModelUnusable, match="analyst"):
        open_checked(store, wanted())


def test_a_model_that_the_file_lacks_is_refused(store: Store, models: Callable[..., Path]) -> None:
    models(HERE)
    with pytest.raises(ModelUnusable, match="other"):
        open_checked(store, wanted("other"))


def test_a_model_without_a_price_is_refused_under_a_cap_on_dollars(store: Store, models: Callable[..., Path]) -> None:
    models(HERE)
    with pytest.raises(ModelUnusable, match="price"):
        open_checked(store, wanted(), caps={"dollars": 1.0})
    models(HERE | {"prompt_price": 1.0, "completion_price": 1.0})
    assert open_checked(store, wanted(), caps={"dollars": 1.0}).provider == "openai"


def test_a_campaign_goes_on_with_its_model(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", HERE["base_url"])
    assert open_checked(store, wanted("m")).model == "m"
    assert open_checked(store, wanted()).model == "m"
    with pytest.raises(Conflict, match="leave --model out"):
        open_checked(store, wanted("other"))


ASKS = """
from tasks.bench.free import *

ROLES = ("researcher",)

def agents(desk):
    raise NotImplementedError
"""


def test_the_roles_that_a_domain_names_need_a_model(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asks_a_model.py").write_text(ASKS)
    monkeypatch.syspath_prepend(tmp_path)

    def asking(model: str) -> Campaign:
        return campaign_record("t", 1, "tiny", "domain", 0, "asks_a_model", model=model)

    with pytest.raises(ModelUnusable, match="Nothing says which model to ask"):
        open_checked(store, asking(""))
    monkeypatch.setenv("OPENAI_BASE_URL", HERE["base_url"])
    assert open_checked(store, asking("m")).model == "m"
    with pytest.raises(ModelUnusable, match="price"):
        open_checked(store, asking("m"), caps={"dollars": 1.0})


def test_the_command_says_so_in_one_sentence(tmp_path: Path) -> None:
    told = archloop("run", "--scale", "tiny", "--model", "m", home=tmp_path / "d", **NO_PREFECT)
    assert_one_sentence(told, "grammar asks no model", "--model")
    told = archloop("run", "--scale", "tiny", "--provider", "oracle", home=tmp_path / "d", **NO_PREFECT)
    assert_one_sentence(told, "No provider is called oracle", "openai")


def test_an_unknown_provider_has_no_roles() -> None:
    with pytest.raises(ValueError, match="No provider is called oracle: use one of grammar, openai"):
        agents_of("oracle", None)
