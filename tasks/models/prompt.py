"""What is asked, and how it is put: the messages of one attempt, and the most tokens that they can be."""

import json
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Form = Literal["schema", "json", "text"]  # how a server holds a model to a shape: by the schema, to JSON, or not at all
PER_MESSAGE, PER_REQUEST = 16, 200  # tokens that a chat template adds at most
QUOTED = 20_000  # signs of a reply that could not be used, as it is shown to the model again


class Prompt(BaseModel):
    """What a role is asked, as its template made it."""

    model_config = ConfigDict(frozen=True)

    system: str
    user: str
    template: str = ""  # its name
    template_sha256: str = ""

    @property
    def text(self) -> str:
        """The whole as one text: its sha256 is the prompt's."""
        return json.dumps({"system": self.system, "user": self.user}, sort_keys=True, ensure_ascii=False)


class Correction(NamedTuple):
    """A reply that could not be used, and why."""

    reply: str
    wrong: str


def messages(
    prompt: Prompt, shape: type[BaseModel], form: Form, correction: Correction | None = None
) -> list[dict[str, str]]:
    """The messages of an attempt. Where the server does not enforce the schema, the system message tells it."""
    system = prompt.system
    if form != "schema":
        system += f"\n\nAnswer with one JSON object that fits this JSON Schema, and nothing else:\n{_schema(shape)}"
    said = [{"role": "system", "content": system}, {"role": "user", "content": prompt.user}]
    if correction is not None:
        if correction.reply:
            said.append({"role": "assistant", "content": correction.reply[:QUOTED]})
        wrong = f"This reply could not be used: {correction.wrong} Answer again, with one JSON object and nothing else."
        said.append({"role": "user", "content": wrong})
    return said


def most_tokens(text: str) -> int:
    """An upper bound of the tokens of a text: each is at least a byte long."""
    return len(text.encode())


def most_prompt_tokens(prompt: Prompt, shape: type[BaseModel], correction: Correction | None = None) -> int:
    """An upper bound: tokens are at least a byte long, and the schema may be told twice."""
    said = messages(prompt, shape, "text", correction)
    text = sum(most_tokens(one["content"]) for one in said)
    return text + 2 * most_tokens(_schema(shape)) + PER_MESSAGE * len(said) + PER_REQUEST


def _schema(shape: type[BaseModel]) -> str:
    return json.dumps(shape.model_json_schema())
