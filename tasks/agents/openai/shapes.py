"""What a model may answer in each role. Every field is asked for; lists and words that it leaves out are empty."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator

MOST_NAME = 48
MOST_TEXT = 20_000  # signs of a passage of prose
EQUATION = "S_t = a_t S_{t-1} + v_t k_t^T, y_t = S_t q_t"  # what the mechanism of a proposal looks like


def _all_wanted(schema: dict[str, Any]) -> None:
    """Servers that hold a model to a schema take neither defaults nor fields that may be left out."""
    for one in schema.get("properties", {}).values():
        one.pop("default", None)
    schema["required"] = list(schema.get("properties", {}))


def identifier(text: str) -> str:
    """A name of letters, digits, - and _ that begins with a letter; empty if nothing of the text is left."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text.strip())
    return re.sub(r"^[^A-Za-z]+", "", plain)[:MOST_NAME].strip("-_")


def word(text: str) -> str:
    """A slot or a choice as it is recorded: small letters, digits and _."""
    return re.sub(r"[^a-z0-9_]+", "_", text.strip().lower()).strip("_")[:40]


def _name(text: str) -> str:
    found = identifier(text)
    if len(found) < 3:
        raise ValueError("give a name of at least three letters")
    return found


def _prose(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if len(text) > MOST_TEXT:
        raise ValueError(f"has {len(text)} signs: give at most {MOST_TEXT}")
    return text.strip()


Prose = Annotated[str, AfterValidator(_prose)]


def _equations(text: str) -> str:
    if "=" not in text:
        raise ValueError(f"write the recurrence, gates and output as equations, such as {EQUATION}")
    return text


class Answer(BaseModel):
    """Base of what is asked for."""

    model_config = ConfigDict(frozen=True, json_schema_extra=_all_wanted)


class Touched(Answer):
    """A component that the design changes."""

    slot: str = Field(description="what it decides, for example decay or memory_rule")
    choice: str = Field(description="how; 'none' if it is taken out")


class Expected(Answer):
    """What one metric is expected to do."""

    objective: str = Field(description="the objective's name as it is listed")
    change: FiniteFloat = Field(description="of the gain against the first parent; positive is better")
    confidence: FiniteFloat = Field(ge=0, le=1, description="that the change has this sign")


class Idea(Answer):
    """A Researcher's answer."""

    name: Annotated[str, AfterValidator(_name)] = Field(description="a short identifier, for example GatedRingMemory")
    motivation: Prose = Field(description="Markdown: what is weak in the parent, and why this should help")
    mechanism: Annotated[Prose, AfterValidator(_equations)] = Field(
        description="Markdown with equations: the recurrence, its state, gates and output"
    )
    changes: Prose = Field(description="what of the parent changes and what stays, for whoever writes the code")
    components: tuple[Touched, ...] = ()
    used: tuple[str, ...] = Field((), description="ids of papers, findings and designs that this rests on")
    predictions: tuple[Expected, ...] = ()


class Edit(Answer):
    """A replacement in a source text."""

    search: str = Field(description="lines of the source, exactly as they stand there, that occur once")
    replace: str = Field(description="what stands there instead")


class Code(Answer):
    """An Engineer's answer: a whole file, or edits of one."""

    note: str = Field("", description="what was done, in a sentence")
    edits: tuple[Edit, ...] = Field((), description="empty if the whole source is given")
    source: str = Field("", description="the whole file; empty if edits are given")

    @model_validator(mode="after")
    def _one_of_them(self) -> "Code":
        if not self.source.strip() and not self.edits:
            raise ValueError("give the whole source, or edits")
        return self


def _choice(text: str) -> str:
    """A choice as "slot=choice", with both as they are recorded."""
    slot, _, choice = text.partition("=")
    return f"{word(slot)}={word(choice)}"


class Claim(Answer):
    """A sentence for later cycles."""

    text: Prose
    evidence: tuple[str, ...] = Field((), description="ids of the designs that show it")
    components: tuple[Annotated[str, BeforeValidator(_choice)], ...] = Field((), description='each as "slot=choice"')
    effect: FiniteFloat = Field(0.0, description="gain in units of fitness; the sign says whether it helped")
    objective: str = Field("", description="the objective's name; empty for overall fitness")


class Reading(Answer):
    """An Analyst's answer."""

    text: Prose = Field(description="Markdown: what the numbers say, and what they do not say")
    lessons: tuple[Claim, ...] = ()
    ablations: tuple[str, ...] = Field((), description="components that should be knocked out to know more")
