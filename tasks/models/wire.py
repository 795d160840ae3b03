"""One attempt: a request to a chat completions endpoint, and whatever comes back as an outcome. Nothing here retries.

The SDK makes the request; the body is read as bytes, because only there a stream can be held to its deadline while a
server sends nothing but signs of life, and only there broken UTF-8 shows.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from tasks.models.choice import Model
from tasks.models.keys import read_key, without_keys
from tasks.models.outcomes import Kind, Outcome, Usage
from tasks.models.prompt import Correction, Form, Prompt, messages

LONGEST_BODY = 8 * 2**20
LONGEST_MESSAGE = 1000
DONE = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)
MILDER: dict[Form, Form] = {"schema": "json", "json": "text"}
OF_FORM = ("response_format", "json_schema", "json_object", "schema", "structured output")
TOO_LONG = ("context length", "context_length", "context window", "context size", "prompt is too long")
BY_CODE: dict[str, Kind] = {
    "insufficient_quota": "spent",
    "context_length_exceeded": "prompt_too_long",
    "model_not_found": "no_such_model",
    "invalid_api_key": "unauthorised",
    "content_filter": "refused",
    "content_policy_violation": "refused",
}
BY_STATUS: dict[int, Kind] = {
    401: "unauthorised",
    402: "spent",
    403: "unauthorised",
    404: "no_such_model",
    408: "server_error",
    413: "prompt_too_long",
    429: "rate_limited",
}


class Manners(NamedTuple):
    """What an endpoint takes. The best is assumed until it complains."""

    form: Form = "schema"
    stream: bool = True
    usage: bool = True  # stream_options
    length: str = "max_tokens"

    def without(self, complaint: str) -> "Manners | None":
        """The manners that leave out what the complaint speaks of; None if it speaks of nothing that can be."""
        said = complaint.lower()
        if self.usage and ("stream_options" in said or "include_usage" in said):
            return self._replace(usage=False)
        if self.length == "max_tokens" and "max_completion_tokens" in said:
            return self._replace(length="max_completion_tokens")
        if self.form in MILDER and any(word in said for word in OF_FORM):
            return self._replace(form=MILDER[self.form])
        if self.stream and "stream" in said:
            return self._replace(stream=False)
        return None


_manners: dict[tuple[str, str], Manners] = {}  # endpoint and model -> what was found by trying, in this process


def attempt(model: Model, prompt: Prompt, shape: type[BaseModel], correction: Correction | None = None) -> Outcome:
    """Ask once. A server that refuses a feature is asked again without it, which costs nothing, and that is remembered.

    Raises:
        ModelUnusable: there is no key.
    """
    place = (model.base_url, model.name)
    while True:
        manners = _manners.get(place) or Manners(stream=model.stream)
        outcome = _request(model, manners, prompt, shape, correction)
        milder = manners.without(outcome.message) if outcome.kind == "rejected" else None
        if milder is None:
            return outcome
        _manners[place] = milder


def _request(
    model: Model, manners: Manners, prompt: Prompt, shape: type[BaseModel], correction: Correction | None
) -> Outcome:
    import openai

    for name in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):  # they log headers and bodies for debugging
        logging.getLogger(name).setLevel(logging.WARNING)
    asked: dict[str, Any] = {"model": model.name, "messages": messages(prompt, shape, manners.form, correction)}
    asked[manners.length] = model.max_output_tokens
    if manners.form == "schema":
        schema = openai.pydantic_function_tool(shape)["function"].get("parameters")
        held = {"name": shape.__name__, "strict": True, "schema": schema}
        asked["response_format"] = {"type": "json_schema", "json_schema": held}
    elif manners.form == "json":
        asked["response_format"] = {"type": "json_object"}
    if manners.stream:
        asked |= {"stream": True, **({"stream_options": {"include_usage": True}} if manners.usage else {})}
    silence = min(model.idle_seconds, model.total_seconds) if manners.stream else model.total_seconds
    patience = openai.Timeout(model.total_seconds, connect=model.connect_seconds, read=silence)
    until = time.monotonic() + model.total_seconds
    key = read_key(model.key_variable)
    with openai.OpenAI(base_url=model.base_url, api_key=key, max_retries=0, timeout=patience) as client:
        try:
            with client.chat.completions.with_streaming_response.create(**asked) as response:
                kind = str(response.headers.get("content-type", ""))
                body = _read(response.iter_bytes(), until)
            return _judged(body, kind) if isinstance(body, bytes) else body
        except openai.APIStatusError as fault:
            return _of_status(fault)
        except openai.APIConnectionError as fault:
            return _of_transport(fault.__cause__ or fault)
        except Exception as fault:
            if "RequestError" not in _names(fault):  # httpx's, or httpx2's: whichever the SDK builds upon
                raise
            return _of_transport(fault)


def _read(parts: Iterable[bytes], until: float) -> bytes | Outcome:
    """The whole body, or the stream up to its last event."""
    body = bytearray()
    for part in parts:
        body += part
        if DONE.search(body, max(0, body.rfind(b"\n", 0, len(body) - len(part)))):
            break
        if time.monotonic() > until:
            return Outcome(kind="timed_out", message="The answer was not complete in time.")
        if len(body) > LONGEST_BODY:
            return Outcome(kind="garbled", message="The answer does not end.")
    return bytes(body)


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: Any = None  # thoughts, under the names that servers have for them
    reasoning: Any = None


class _Choice(BaseModel):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _Piece(BaseModel):
    """A completion, or one chunk of it."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


def _judged(body: bytes, kind: str) -> Outcome:
    """The outcome that a response with status 200 is."""
    streamed = "event-stream" in kind
    if not streamed and "json" not in kind:
        return Outcome(kind="garbled", message=_short(f"The answer is {kind or 'of no type'}, not JSON."))
    try:
        text = body.decode()
        pieces = [_Piece.model_validate_json(one) for one in (_events(text) if streamed else (text,))]
        return _outcome_of(pieces, streamed)
    except UnicodeError:
        return Outcome(kind="invalid_utf8", message="The answer is not valid UTF-8.")
    except ValidationError as fault:
        return Outcome(kind="garbled", message=_short(f"The answer is no chat completion: {fault.errors()[0]['msg']}."))


def _events(text: str) -> Iterator[str]:
    """The data of server-sent events, one line each, up to the last one."""
    for line in text.split("\n"):  # not splitlines: JSON may hold the other separators
        name, _, data = line.partition(":")
        if name == "data" and data.strip() == "[DONE]":
            return
        if name == "data" and data.strip():
            yield data


def _outcome_of(pieces: list[_Piece], streamed: bool) -> Outcome:
    text, refusal, finish, thoughts, usage, any_choice = "", "", None, 0, None, False
    kind: Kind
    for piece in pieces:
        if piece.error:
            began = bool(text or thoughts)
            kind = "disconnected" if began else "server_error"
            return Outcome(kind=kind, message=_short(f"The server broke off: {piece.error}"), free=not began)
        usage = _usage(piece.usage) or usage
        for choice in piece.choices or ():
            if choice.index != 0:
                continue
            any_choice, said = True, choice.delta or choice.message or _Said()
            text += said.content or ""
            refusal += said.refusal or ""
            thoughts += len(str(said.reasoning_content or said.reasoning or "").encode())
            finish = choice.finish_reason or finish
    heard = len((text + refusal).encode()) + thoughts
    kind, message = _end(text, refusal, finish, any_choice, streamed)
    return Outcome(kind=kind, message=_short(message), text=without_keys(text), heard=heard, usage=usage)


def _end(text: str, refusal: str, finish: str | None, any_choice: bool, streamed: bool) -> tuple[Kind, str]:
    if refusal or finish == "content_filter":
        return "refused", f"The model refused: {refusal or 'a content filter ended its reply'}"
    if finish == "length":
        return "truncated", "The reply was cut off at the most tokens that a reply may have."
    if any_choice and streamed and finish is None:
        return "disconnected", "The stream ended before the reply did."
    if not text.strip():
        return "empty", "The reply is empty." if any_choice else "The reply holds no choices."
    return "answered", ""


def _usage(told: Any) -> Usage | None:
    """What the server counted, if these are counts."""
    if not isinstance(told, dict):
        return None
    prompt, completion = told.get("prompt_tokens"), told.get("completion_tokens")
    return Usage(prompt, completion) if type(prompt) is int and type(completion) is int else None


def _of_status(fault: Any) -> Outcome:
    """The outcome that an error status is; ``fault`` is the SDK's APIStatusError."""
    told = f"{fault.message} {fault.param or ''}"
    kind = BY_CODE.get(str(fault.code)) or BY_STATUS.get(fault.status_code)
    if kind is None and fault.status_code >= 500:
        kind = "server_error"
    if kind is None and any(word in told.lower() for word in TOO_LONG):
        kind = "prompt_too_long"
    message = _short(f"Status {fault.status_code}: {told}")
    wait = _retry_after(fault.response.headers)
    return Outcome(kind=kind or "rejected", message=message, retry_after=wait, free=True)


def _of_transport(fault: BaseException) -> Outcome:
    names = _names(fault)
    if names & {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"}:
        return Outcome(kind="unreachable", message=_short(f"No connection: {fault or type(fault).__name__}"), free=True)
    if "TimeoutException" in names:
        return Outcome(kind="timed_out", message="The server was silent for too long.")
    if "DecodingError" in names:
        return Outcome(kind="garbled", message="The answer cannot be unpacked.")
    return Outcome(kind="disconnected", message=_short(f"The connection broke: {fault or type(fault).__name__}"))


def _names(fault: BaseException) -> set[str]:
    return {one.__name__ for one in type(fault).__mro__}


def _retry_after(headers: Any) -> float | None:
    """Seconds from now, from either of the header's two forms."""
    told = str(headers.get("retry-after", "")).strip()
    try:
        if re.fullmatch(r"[\d.]+", told):
            return float(told)
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _short(message: str) -> str:
    """One line, without keys, and without the half pairs that JSON may hold and UTF-8 may not."""
    told = message.encode(errors="replace").decode()
    return " ".join(without_keys(told).split())[:LONGEST_MESSAGE]
