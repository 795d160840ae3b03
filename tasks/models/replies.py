"""From what a model wrote to the shape that was asked for: bare JSON, in a fenced block, or with prose around it."""

import json
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from tasks.models.outcomes import Kind

Shape = TypeVar("Shape", bound=BaseModel)
MOST_TRIED = 50  # braces at which an object might begin
MOST_TOLD = 5  # faults of a reply


class Unusable(NamedTuple):
    """Why a reply does not fit, in words for the model that wrote it."""

    kind: Kind
    wrong: str


def read_reply(text: str, shape: type[Shape]) -> Shape | Unusable:
    """The first JSON object of the text that fits the shape; else what is wrong with the first one."""
    wrong: Unusable | None = None
    for candidate in _objects(text):
        try:
            return shape.model_validate_json(candidate)
        except ValidationError as fault:
            wrong = wrong or Unusable("wrong_schema", _told(fault))
    return wrong or Unusable("not_json", "it holds no complete JSON object.")


def _objects(text: str) -> Iterator[str]:
    """The outermost JSON objects in the text, in order; braces that begin none are passed over."""
    decoder, at = json.JSONDecoder(), text.find("{")
    for _ in range(MOST_TRIED):
        if at < 0:
            return
        try:
            _, end = decoder.raw_decode(text, at)
            yield text[at:end]
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)


def _told(fault: ValidationError) -> str:
    faults = fault.errors(include_input=False, include_url=False, include_context=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}" for one in faults[:MOST_TOLD]]
    return f"{'; '.join(told)}."
