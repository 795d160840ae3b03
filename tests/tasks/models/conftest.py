"""A server, a campaign whose models it serves, and nothing remembered of earlier servers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archdb import Campaign, Store, open_campaign
from tasks.models import wire
from tasks.models.choice import FILE
from tests.tasks.models.server import ModelServer

QUICK = {"first_wait": 0.001, "idle_seconds": 5.0, "total_seconds": 10.0}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """What was found out about endpoints is forgotten: ports come again."""
    wire._manners.clear()
    yield
    wire._manners.clear()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes the file that lists the models: called with a dictionary for each."""
    path = tmp_path / "models.toml"
    monkeypatch.setenv(FILE, str(path))

    def write(*each: dict[str, Any]) -> Path:
        return write_models(path, *each)

    return write


def write_models(path: Path, *each: dict[str, Any]) -> Path:
    def told(value: Any) -> str:
        return (
            str(value).lower() if isinstance(value, bool) else repr(list(value) if isinstance(value, tuple) else value)
        )

    tables = ["[[model]]\n" + "".join(f"{name} = {told(value)}\n" for name, value in one.items()) for one in each]
    path.write_text("\n".join(tables))
    return path


@pytest.fixture
def campaign(store: Store) -> Campaign:
    return open_campaign(store, Campaign(id="t", scale="tiny", provider="openai", cycles=1, dataset="plays"))


@pytest.fixture
def served(models: Callable[..., Path], server: ModelServer) -> dict[str, Any]:
    """The one model there is: a dollar for a thousand tokens either way."""
    one = {"name": "m", "base_url": server.url, "prompt_price": 1000.0, "completion_price": 1000.0, **QUICK}
    models(one)
    return one
