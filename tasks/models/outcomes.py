"""How an attempt at a model call can end: a closed set, with what follows from each end."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "answered",
    "rate_limited", "server_error", "unreachable", "disconnected", "timed_out", "garbled", "invalid_utf8", "lost",
    "empty", "truncated", "not_json", "wrong_schema", "refused", "prompt_too_long",
    "unauthorised", "no_such_model", "rejected", "spent",
    "not_recorded",
]  # fmt: skip
CORRECTIONS = 1  # times that a model is told what was wrong with its reply


class Ending(NamedTuple):
    """What follows from a kind of end."""

    again: Literal["never", "later", "corrected"]  # corrected: at once, and the model is told what was wrong
    leads_to: Literal["answer", "failure", "outage", "mistake"]  # once it is not tried again
    remedy: str = ""


_OUTAGE = "run the same command again when the endpoint is well"
_SHORTER = "raise the model's max_output_tokens, or ask for less"
_OTHER = "choose another model for this role"
ENDINGS: Mapping[str, Ending] = {
    "answered": Ending("never", "answer"),
    "rate_limited": Ending("later", "outage", _OUTAGE),
    "server_error": Ending("later", "outage", _OUTAGE),
    "unreachable": Ending("later", "outage", "start the endpoint or mend its base_url"),
    "disconnected": Ending("later", "outage", _OUTAGE),
    "timed_out": Ending("later", "outage", "raise the model's idle_seconds or total_seconds"),
    "garbled": Ending("later", "outage", "make sure that base_url leads to a chat completions endpoint"),
    "invalid_utf8": Ending("later", "outage", _OUTAGE),
    "lost": Ending("later", "outage", _OUTAGE),  # its worker was killed: nobody knows whether it was answered
    "empty": Ending("later", "failure", _OTHER),
    "truncated": Ending("corrected", "failure", _SHORTER),
    "not_json": Ending("corrected", "failure", _OTHER),
    "wrong_schema": Ending("corrected", "failure", _OTHER),
    "refused": Ending("never", "failure", _OTHER),
    "prompt_too_long": Ending("never", "failure", "choose a model with a longer context"),
    "not_recorded": Ending("never", "failure", "replay with the code that the cassette was recorded with"),
    "unauthorised": Ending("never", "mistake", "mend the key in the variable that key_variable names"),
    "no_such_model": Ending("never", "mistake", "mend the model's name or its base_url"),
    "rejected": Ending("never", "mistake", "mend the model's settings"),
    "spent": Ending("never", "mistake", "fill up the endpoint's account, or name another endpoint"),
}
assert set(ENDINGS) == set(get_args(Kind))


class Usage(NamedTuple):
    """What a server says that it counted, in tokens."""

    prompt: int
    completion: int


class Outcome(BaseModel):
    """How one attempt ended."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    message: str = ""  # one line, without keys
    text: str = ""  # what the model wrote, without keys
    heard: int = 0  # bytes of what it wrote, thoughts included: no token is shorter than a byte
    usage: Usage | None = None
    free: bool = False  # it was never sent, or its answer was an error: servers do not bill that
    retry_after: float | None = None  # seconds that the server asks us to wait


class NoAnswer(Exception):
    """A model gave no usable answer, and asking again would not help. A result: it ends the experiment as a failure."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.remedy = kind, message, ENDINGS[kind].remedy


def is_decided(kinds: Sequence[str]) -> bool:
    """Whether attempts that ended so, in order, leave nothing to ask: an answer, or a failure that stays one."""
    if not kinds or ENDINGS[kinds[-1]].leads_to not in ("answer", "failure"):
        return False
    again = ENDINGS[kinds[-1]].again
    return again == "never" or (again == "corrected" and corrections_left(kinds) < 0)


def corrections_left(kinds: Sequence[str]) -> int:
    """How often a model may still be told what is wrong; negative once the last correction did not help."""
    return CORRECTIONS - sum(ENDINGS[kind].again == "corrected" for kind in kinds)
