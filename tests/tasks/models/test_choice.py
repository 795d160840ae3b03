"""Which models there are, and what they cost."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.faults import ModelUnusable
from tasks.models import prices
from tasks.models.choice import FILE, OPENAI, Model, models_of, read_models
from tasks.models.prices import PROMPT, listed_prices

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (FILE, "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_file_lists_models_with_their_roles(models: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"name": "small", "base_url": "http://127.0.0.1:1/v1", "prompt_price": 0, "completion_price": 0}
    path = models(local, {"name": "large", "base_url": "https://far/v1", "key_variable": "K", "roles": ("engineer",)})
    monkeypatch.setenv(FILE, str(path))
    found = read_models()
    assert [one.name for one in found] == ["small", "large"]
    assert [one.name for one in models_of(found, "engineer")] == ["small", "large"]
    assert [one.name for one in models_of(found, "analyst")] == ["small"]
    assert (found[0].key_variable, found[0].is_priced, found[1].is_priced) == ("", True, False)
    assert [one.name for one in read_models("large")] == ["large"]
    with pytest.raises(ModelUnusable, match="has the role analyst"):
        models_of(found[1:], "analyst")
    with pytest.raises(ModelUnusable, match="lists no model other: add it, or name one of small, large"):
        read_models("other")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"name": "m", "temprature": 1}, "temprature: Extra inputs are not permitted"),
        ({"name": "m", "prompt_price": 1.0}, "give both prompt_price and completion_price"),
        ({"name": "m", "prompt_price": -1.0, "completion_price": 1.0}, "prompt_price: Input should be greater"),
        ({"name": "m", "base_url": "https://me:secret@far/v1"}, "must hold no password"),
        ({"name": "m", "base_url": "far/v1"}, "has to look like"),
        ({"name": ""}, "name: String should have"),
        ({"base_url": "http://far/v1"}, "name: Field required"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(
    models: Write, monkeypatch: pytest.MonkeyPatch, model: dict[str, Any], told: str
) -> None:
    monkeypatch.setenv(FILE, str(models(model)))
    with pytest.raises(ModelUnusable, match=told) as refused:
        read_models()
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_other_files_are_refused(models: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = models({"name": "m"}, {"name": "m"})
    monkeypatch.setenv(FILE, str(path))
    with pytest.raises(ModelUnusable, match="each name once"):
        read_models()
    for text in ("model = 3", "[other]", "not toml", "model = []"):
        path.write_text(text)
        with pytest.raises(ModelUnusable, match=str(path)):
            read_models()
    path.unlink()
    with pytest.raises(ModelUnusable, match="cannot be read"):
        read_models()


def test_without_a_file_the_usual_variables_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnusable, match="Nothing says which model"):
        read_models()
    (own,) = read_models("gpt-4.1")
    assert (own.base_url, own.key_variable, own.is_priced) == (OPENAI, "OPENAI_API_KEY", True)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8399/v1")
    (local,) = read_models("gpt-4.1")
    assert (local.base_url, local.key_variable, local.is_priced) == ("http://127.0.0.1:8399/v1", "", False)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert read_models("gpt-4.1")[0].key_variable == "OPENAI_API_KEY"
    monkeypatch.setenv("OPENAI_BASE_URL", "nowhere")
    with pytest.raises(ModelUnusable, match="OPENAI_BASE_URL is of no use"):
        read_models("gpt-4.1")


def test_prices_come_from_the_file_or_from_a_catalogue() -> None:
    given = Model(name="gpt-4.1", prompt_price=3, completion_price=4)
    assert given.dollars(10**6, 10**6) == 7
    listed = Model(name="gpt-4.1")
    assert listed.dollars(10**6, 0) == listed_prices("openai", "gpt-4.1")[0]
    elsewhere = {"name": "gpt-4.1", "base_url": "http://far/v1"}
    assert Model.model_validate(elsewhere).dollars(1, 1) is None
    assert Model.model_validate(elsewhere | {"price_list": "openai"}).dollars(10**6, 0) == listed.dollars(10**6, 0)
    assert listed_prices("openai", "no such model") is None
    assert listed_prices("../../no such file", "gpt-4.1") is None


def test_a_catalogue_s_highest_price_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "utils" / "model_catalog"
    folder.mkdir(parents=True)
    priced = {"input_per_million_tokens": 2, "output_per_million_tokens": 8, "cache_write_per_million_tokens": 2.5}
    long = priced | {"long_context": [{"input_per_million_tokens": 4.0, "output_per_million_tokens": 12}]}
    models = {"plain": {"pricing": priced}, "long": {"pricing": long}, "half": {"pricing": {PROMPT[0]: 1}}, "none": {}}
    (folder / "some.json").write_text(json.dumps({"models": models}))
    shipped = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(prices, "find_spec", lambda _: shipped)
    found = {name: listed_prices("some", name) for name in models}
    assert found == {"plain": (2.5, 8.0), "long": (4.0, 12.0), "half": None, "none": None}
