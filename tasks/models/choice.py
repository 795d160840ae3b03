"""Which models a campaign may ask: read from the TOML file that ARCHLOOP_MODELS names, or from OPENAI_BASE_URL."""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, PositiveInt, ValidationError
from pydantic import model_validator as validated

from tasks.faults import ModelUnusable
from tasks.models.prices import listed_prices

OPENAI = "https://api.openai.com/v1"
FILE = "ARCHLOOP_MODELS"
MILLION = 10**6


class Model(BaseModel):
    """A model at an endpoint, and how to treat it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)  # as the server knows it
    base_url: str = OPENAI
    key_variable: str = ""  # environment variable that holds the key; empty: none is needed
    roles: tuple[str, ...] = ()  # empty: all
    weight: PositiveFloat = 1.0  # how often it is asked before anything is known, against the others of its role
    prompt_price: FiniteFloat | None = Field(None, ge=0)  # dollars per million tokens
    completion_price: FiniteFloat | None = Field(None, ge=0)
    max_output_tokens: PositiveInt = 8192
    stream: bool = True  # false for servers that say nothing until they have the whole answer
    connect_seconds: PositiveFloat = 10.0
    idle_seconds: PositiveFloat = 120.0  # without a byte, while streaming
    total_seconds: PositiveFloat = 900.0  # for one attempt
    attempts: PositiveInt = 5
    first_wait: PositiveFloat = 1.0  # seconds; doubles with every attempt, and is jittered
    longest_wait: PositiveFloat = 60.0  # a server that asks for more is left alone for now

    @validated(mode="before")
    @classmethod
    def _defaults(cls, given: dict[str, Any]) -> dict[str, Any]:
        """OpenAI's own endpoint has a key and known prices; no other one is sent OpenAI's key unasked."""
        filled = dict(given)
        if str(filled.get("base_url", OPENAI)).rstrip("/") == OPENAI:
            filled.setdefault("key_variable", "OPENAI_API_KEY")
        catalogue = filled.pop("price_list", "openai" if filled.get("base_url", OPENAI) == OPENAI else "")
        if catalogue and "prompt_price" not in filled and "completion_price" not in filled:
            prices = listed_prices(str(catalogue), str(filled.get("name")))
            filled |= {"prompt_price": prices[0], "completion_price": prices[1]} if prices else {}
        return filled

    @validated(mode="after")
    def _sound(self) -> "Model":
        if (self.prompt_price is None) != (self.completion_price is None):
            raise ValueError("give both prompt_price and completion_price, or none")
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url has to look like http://host:port/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("base_url must hold no password or query: put the key into a variable")
        return self

    @property
    def is_priced(self) -> bool:
        return self.prompt_price is not None

    def dollars(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost; None if nobody knows the prices."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / MILLION


def read_models(named: str = "") -> tuple[Model, ...]:
    """The models there are.

    Args:
        named: the model that the campaign names: only that one of the file, or the one to ask where there is no file.

    Raises:
        ModelUnusable: the file cannot be read, or nothing says which model to ask.
    """
    path = os.environ.get(FILE, "")
    if not path:
        return (_from_environment(named),)
    models = _from_file(Path(path))
    chosen = tuple(one for one in models if named in ("", one.name))
    if not chosen:
        raise ModelUnusable(f"{path} lists no model {named}: add it, or name one of {_names(models)}.")
    return chosen


def models_of(models: Sequence[Model], role: str) -> tuple[Model, ...]:
    """Those that may be asked in this role.

    Raises:
        ModelUnusable: there is none.
    """
    found = tuple(one for one in models if not one.roles or role in one.roles)
    if not found:
        raise ModelUnusable(f"None of the models {_names(models)} has the role {role}: add it to the roles of one.")
    return found


def require_prices(models: Sequence[Model]) -> None:
    """Refuse models of unknown price: for campaigns with a cap on dollars, before anything is spent.

    Raises:
        ModelUnusable: naming the first of them.
    """
    for one in models:
        if not one.is_priced:
            raise ModelUnusable(
                f"The campaign has a cap on dollars, and nobody knows the price of {one.name}: give its prompt_price "
                f"and completion_price in the file that {FILE} names (0 for a free one)."
            )


def _from_file(path: Path) -> tuple[Model, ...]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        models = tuple(Model.model_validate(one) for one in told["model"])
    except OSError as fault:
        raise ModelUnusable(f"{path} cannot be read ({fault.strerror}): mend {FILE}.") from None
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "a model"
        raise ModelUnusable(f"{path} is no list of models ({where}: {first['msg']}): mend that line.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ModelUnusable(f"{path} is no list of models ({fault}): it holds [[model]] tables.") from None
    if not models or len({one.name for one in models}) < len(models):
        raise ModelUnusable(f"{path} has to list at least one model, and each name once.")
    return models


def _from_environment(named: str) -> Model:
    base_url = os.environ.get("OPENAI_BASE_URL", "")
    if not named:
        raise ModelUnusable(
            f"Nothing says which model to ask: name one for the campaign, or list some in the file that {FILE} names."
        )
    key = {"key_variable": "OPENAI_API_KEY"} if os.environ.get("OPENAI_API_KEY") else {}
    try:
        return Model.model_validate({"name": named, **({"base_url": base_url} if base_url else {}), **key})
    except ValidationError as fault:
        raise ModelUnusable(f"OPENAI_BASE_URL is of no use ({fault.errors()[0]['msg']}): mend it.") from None


def _names(models: Sequence[Model]) -> str:
    return ", ".join(one.name for one in models)
