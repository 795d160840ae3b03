"""One attempt against a real server, for every way that it can go wrong."""

import time
from typing import Any

import pytest
from pydantic import BaseModel

from tasks.models.choice import Model
from tasks.models.outcomes import ENDINGS, Usage
from tasks.models.prompt import Correction, Prompt
from tasks.models.replies import read_reply
from tasks.models.wire import attempt
from tests.tasks.models.server import FAULTS, GOOD, ModelServer

PROMPT = Prompt(system="You name parts.", user="Name one.")
QUICK = {"idle_seconds": 0.4, "total_seconds": 0.8}  # for faults that are a silence
KINDS = {
    "none": "answered", "429": "rate_limited", "429_after": "rate_limited", "429_date": "rate_limited",
    "429_hours": "rate_limited", "429_quota": "spent", "402": "spent", "500": "server_error",
    "500_half": "server_error", "502_html": "server_error", "503": "server_error", "slow": "answered",
    "silent": "timed_out", "stall": "timed_out", "comments": "timed_out", "drop_before": "disconnected",
    "drop_within": "disconnected", "drop_politely": "disconnected", "broken_off": "disconnected",
    "cut_json": "garbled", "bad_bytes": "invalid_utf8", "half_pair": "garbled", "html": "garbled",
    "no_json": "garbled", "length": "truncated", "refusal": "refused", "filtered": "refused", "no_choices": "empty",
    "empty": "empty", "null": "empty", "schema": "wrong_schema", "words": "not_json", "prose": "answered",
    "fenced": "answered", "twice": "not_json", "uncounted": "answered", "absurd": "answered", "unasked": "answered",
    "401": "unauthorised", "404": "no_such_model", "400_context": "prompt_too_long", "400": "rejected",
    "no_format": "answered", "json_only": "answered", "no_stream": "answered", "unstreamed": "answered",
    "new_length": "answered", "countless": "answered", "echo_401": "unauthorised", "echo_500": "server_error",
    "echo_400": "refused", "echo_text": "answered", "echo_refusal": "refused", "echo_words": "not_json",
}  # fmt: skip
ONLY_STREAMED = {"comments", "drop_politely", "broken_off", "twice", "no_stream", "unstreamed", "countless"}


class Part(BaseModel):
    name: str
    size: int


def model(server: ModelServer, **settings: Any) -> Model:
    return Model(name="m", base_url=server.url, **settings)


def test_every_fault_of_the_server_has_its_kind() -> None:
    assert KINDS.keys() == FAULTS.keys()
    assert len(FAULTS) >= 20


@pytest.mark.parametrize(
    ("fault", "stream"),
    [(fault, True) for fault in KINDS] + [(fault, False) for fault in KINDS if fault not in ONLY_STREAMED],
)
def test_each_fault_alone_is_its_typed_outcome(server: ModelServer, fault: str, stream: bool) -> None:
    server.do(fault)
    waits = QUICK if KINDS[fault] == "timed_out" else {}
    outcome = attempt(model(server, stream=stream, **waits), PROMPT, Part)
    if outcome.kind == "answered":
        read = read_reply(outcome.text, Part)
        assert (read.kind if not isinstance(read, Part) else "answered") == KINDS[fault]
    else:
        assert outcome.kind == KINDS[fault], outcome.message
        assert outcome.message
    assert "\n" not in outcome.message
    outcome.message.encode()


def test_nobody_listens() -> None:
    with ModelServer() as gone:
        pass
    assert attempt(model(gone), PROMPT, Part).kind == "unreachable"


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [("429", None, None), ("429_after", 0.05, 0.05), ("429_date", 0, 2.1), ("429_hours", 7200, 7200)],
)
def test_how_long_a_server_asks_to_wait(
    server: ModelServer, fault: str, least: float | None, most: float | None
) -> None:
    server.do(fault)
    told = attempt(model(server), PROMPT, Part).retry_after
    if least is None or most is None:
        assert told is None
    else:
        assert told is not None
        assert least <= told <= most


def test_usage_is_told_once_and_never_made_up(server: ModelServer) -> None:
    for fault, usage in {
        "none": Usage(11, 7), "twice": Usage(11, 7), "uncounted": None, "absurd": Usage(10**15, -4),
        "countless": None, "length": Usage(11, 7),
    }.items():  # fmt: skip
        server.do(fault)
        assert attempt(model(server), PROMPT, Part).usage == usage, fault


def formats(server: ModelServer) -> list[str | None]:
    return [(one.body.get("response_format") or {}).get("type") for one in server.calls]


def test_a_server_that_takes_no_format_is_found_out_once(server: ModelServer) -> None:
    server.do("no_format")
    for _ in range(2):
        assert attempt(model(server), PROMPT, Part).text == GOOD
    assert formats(server) == ["json_schema", "json_object", None, None]
    systems = [one.body["messages"][0]["content"] for one in server.calls]
    assert systems[0] == PROMPT.system, "the server enforces the schema"
    assert all('"properties"' in one for one in systems[1:]), "the model is told it"


def test_what_else_a_server_does_not_take_is_left_out(server: ModelServer) -> None:
    server.do("no_stream")
    assert attempt(model(server), PROMPT, Part).text == GOOD
    server.do("new_length")
    assert attempt(model(server), PROMPT, Part).text == GOOD
    server.do("json_only")
    assert attempt(model(server), PROMPT, Part).text == GOOD
    last = server.calls[-1].body
    assert "max_tokens" not in last
    assert (last["max_completion_tokens"], last.get("stream")) == (8192, None)
    assert formats(server)[-1] == "json_object"


def test_one_that_answers_whole_although_asked_to_stream_is_asked_once(server: ModelServer) -> None:
    server.do("unstreamed")
    assert attempt(model(server), PROMPT, Part).text == GOOD
    assert len(server.calls) == 1


def test_a_stream_of_nothing_but_signs_of_life_ends(server: ModelServer) -> None:
    server.do("comments")
    began = time.monotonic()
    assert attempt(model(server, idle_seconds=30, total_seconds=0.3), PROMPT, Part).kind == "timed_out"
    assert time.monotonic() - began < 20, "the idle timeout did not end it"


def test_a_correction_shows_the_model_its_reply(server: ModelServer) -> None:
    attempt(model(server), PROMPT, Part, Correction("{}", "name: Field required."))
    roles = [one["role"] for one in server.calls[0].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "name: Field required" in server.calls[0].body["messages"][-1]["content"]


def test_a_local_server_is_never_sent_openai_s_key(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-openai-only")
    attempt(model(server), PROMPT, Part)
    assert server.calls[0].authorization == "Bearer none"


def test_endings_say_what_to_do() -> None:
    for kind, ending in ENDINGS.items():
        assert ending.remedy or kind == "answered"
        assert (ending.leads_to == "answer") == (kind == "answered")
        assert ending.again == "never" or ending.leads_to in ("failure", "outage"), kind
