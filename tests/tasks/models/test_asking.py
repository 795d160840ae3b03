"""A call from question to answer, on a real store and a real server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from archdb import (
    BudgetSpent,
    Campaign,
    Experiment,
    Store,
    attempts_at,
    claim,
    create_experiment,
    find_call,
    get_budget,
    get_experiment,
    get_text,
    list_calls,
    list_entries,
    set_caps,
)
from tasks.faults import ModelUnusable, Stopped, TransportFault
from tasks.models import NoAnswer, Prompt, ask, asking, check_models
from tasks.models.asking import charge
from tasks.models.outcomes import Outcome, Usage
from tasks.models.prompt import most_prompt_tokens
from tasks.sandbox.jail import stop_everything
from tasks.stage import Outcome as StageOutcome
from tasks.stage import run_stage
from tests.archdb.accounts import assert_whole
from tests.tasks.models.server import GOOD, USAGE, ModelServer

PROMPT = Prompt(system="You name parts.", user="Name one.", template="part.md", template_sha256="ab12")
CALL = "t-c001/engineer/0"
PAID = sum((USAGE["prompt_tokens"], USAGE["completion_tokens"]))


class Part(BaseModel):
    name: str
    size: int


def put(store: Store, campaign: Campaign, number: int = 0, prompt: Prompt = PROMPT) -> Part:
    return ask(store, campaign, "t-c001", "engineer", number, prompt, Part)


def kinds(store: Store) -> list[str]:
    return [one.kind for one in attempts_at(store, CALL)]


def spent(store: Store) -> int:
    """Tokens, after making sure that the ledger agrees with the attempts to the last unit."""
    budget = assert_whole(store)
    assert budget.operations == {}
    made = list(store.model_attempts.find({}))
    tokens = sum(one["prompt_tokens"] + one["completion_tokens"] for one in made)
    assert budget.spent["tokens"] == tokens
    assert budget.spent["dollars"] == sum(round((one["dollars"] or 0.0) * 10**6) for one in made)
    return tokens


@pytest.mark.usefixtures("served")
def test_a_call_is_recorded_paid_and_never_made_again(store: Store, campaign: Campaign, server: ModelServer) -> None:
    assert put(store, campaign) == Part(name="gate", size=3)
    call = find_call(store, CALL)
    assert call is not None
    assert (call.model, call.outcome, call.template, call.template_sha256) == ("m", "answered", "part.md", "ab12")
    assert (call.prompt_tokens, call.completion_tokens, call.dollars) == (11, 7, 0.018)
    assert get_text(store, call.prompt) == PROMPT.text
    assert get_text(store, call.reply) == '{"name": "gate", "size": 3}'
    assert (spent(store), len(call.attempts)) == (PAID, 1)
    other = PROMPT.model_copy(update={"user": "Name another."})
    assert put(store, campaign, prompt=other).name == "gate", "the recorded answer stands"
    assert (len(server.calls), spent(store)) == (1, PAID)
    put(store, campaign, 1)
    assert [one.number for one in list_calls(store, "t-c001")] == [0, 1]


@pytest.mark.usefixtures("served")
def test_faults_that_pass_are_tried_again(store: Store, campaign: Campaign, server: ModelServer) -> None:
    server.do("429_after", "500", "drop_before", "empty", "none")
    assert put(store, campaign).size == 3
    assert kinds(store) == ["rate_limited", "server_error", "disconnected", "empty", "answered"]
    first, second, third, fourth, last = attempts_at(store, CALL)
    assert first.cost == second.cost == {"tokens": 0, "dollars": 0.0}, "error answers are free"
    assert third.estimated, "nobody knows what it cost: all that was reserved"
    assert third.prompt_tokens + third.completion_tokens == most_prompt_tokens(PROMPT, Part) + 8192
    assert fourth.cost == last.cost == {"tokens": PAID, "dollars": 0.018}
    spent(store)


@pytest.mark.usefixtures("served")
def test_a_server_that_counts_nonsense_is_charged_the_most(
    store: Store, campaign: Campaign, server: ModelServer
) -> None:
    server.do("absurd", "uncounted")
    put(store, campaign)
    (first,) = attempts_at(store, CALL)
    assert "counted what cannot be" in first.message
    assert spent(store) == most_prompt_tokens(PROMPT, Part) + 8192
    put(store, campaign, 1)
    (second,) = attempts_at(store, "t-c001/engineer/1")
    assert (second.message, second.estimated, second.completion_tokens) == ("", True, len(GOOD))
    spent(store)


@pytest.mark.usefixtures("served")
def test_a_reply_of_no_use_is_corrected_once(store: Store, campaign: Campaign, server: ModelServer) -> None:
    server.do("schema", "none")
    assert put(store, campaign).size == 3
    assert kinds(store) == ["wrong_schema", "answered"]
    corrected = server.calls[1].body["messages"]
    assert [one["role"] for one in corrected] == ["system", "user", "assistant", "user"]
    assert "size: Field required" in corrected[-1]["content"]
    assert spent(store) == 2 * PAID, "both were billed"


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("fault", "attempts", "kind"),
    [
        ("schema", 2, "wrong_schema"),
        ("words", 2, "not_json"),
        ("length", 2, "truncated"),
        ("refusal", 1, "refused"),
        ("filtered", 1, "refused"),
        ("empty", 5, "empty"),
        ("400_context", 1, "prompt_too_long"),
    ],
)
def test_what_stays_useless_is_a_recorded_failure(
    store: Store, campaign: Campaign, server: ModelServer, fault: str, attempts: int, kind: str
) -> None:
    server.do(fault)
    for _ in range(2):  # the second one asks nobody
        with pytest.raises(NoAnswer) as told:
            put(store, campaign)
        assert (told.value.kind, len(server.calls)) == (kind, attempts)
        assert told.value.remedy in str(told.value)
    call = find_call(store, CALL)
    assert call is not None
    assert (call.outcome, len(call.attempts)) == (kind, attempts)
    assert spent(store) == (0 if kind == "prompt_too_long" else attempts * PAID)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("fault", "attempts", "error", "told"),
    [
        ("503", 5, TransportFault, "server error"),
        ("html", 5, TransportFault, "make sure that base_url"),
        ("429_hours", 1, TransportFault, "rate limited"),
        ("401", 1, ModelUnusable, "mend the key"),
        ("404", 1, ModelUnusable, "mend the model's name"),
        ("400", 1, ModelUnusable, "temperature must be 1"),
        ("402", 1, ModelUnusable, "fill up"),
    ],
)
def test_what_is_not_the_model_s_fault_is_no_result(
    store: Store, campaign: Campaign, server: ModelServer, fault: str, attempts: int, error: type[Exception], told: str
) -> None:
    server.do(fault)
    with pytest.raises(error, match=told):
        put(store, campaign)
    assert (find_call(store, CALL), len(server.calls)) == (None, attempts)
    before = spent(store)
    server.do("none")
    assert put(store, campaign).size == 3, "mended: the same call goes on"
    call = find_call(store, CALL)
    assert call is not None
    assert [one.kind for one in call.attempts] == kinds(store)
    assert (len(call.attempts), spent(store)) == (attempts + 1, before + PAID)


def test_the_most_that_an_attempt_may_cost_is_reserved_first(
    store: Store, campaign: Campaign, server: ModelServer, served: dict[str, Any]
) -> None:
    most = most_prompt_tokens(PROMPT, Part) + 8192
    set_caps(store, "t", {"tokens": most - 1})
    with pytest.raises(BudgetSpent, match="next model call may take"):
        put(store, campaign)
    assert (server.calls, list_entries(store, "t")) == ([], [])
    set_caps(store, "t", {"tokens": most, "dollars": most / 1000})
    put(store, campaign)
    assert server.calls[0].body["max_tokens"] == 8192
    with pytest.raises(BudgetSpent):
        put(store, campaign, 1)
    assert spent(store) == PAID


def test_a_cap_on_dollars_needs_prices(
    store: Store, campaign: Campaign, server: ModelServer, served: dict[str, Any], models: Callable[..., Path]
) -> None:
    models({name: value for name, value in served.items() if "price" not in name})
    put(store, campaign)
    call = find_call(store, CALL)
    assert call is not None
    assert (call.dollars, spent(store)) == (None, PAID)
    set_caps(store, "t", {"dollars": 5.0})
    for refused in (lambda: put(store, campaign, 1), lambda: check_models(store, campaign, ("engineer",))):
        with pytest.raises(
            ModelUnusable, match=r"nobody knows the price of m: give its prompt_price .* \(0 for a free"
        ):
            refused()
    assert (len(server.calls), spent(store)) == (1, PAID)
    models(served | {"prompt_price": 0.0, "completion_price": 0.0})
    put(store, campaign, 1)
    assert get_budget(store, "t").spent["dollars"] == 0


@pytest.mark.parametrize(
    ("outcome", "charged", "estimated"),
    [
        (Outcome(kind="answered", heard=20, usage=Usage(11, 7)), Usage(11, 7), False),
        (Outcome(kind="answered", heard=20, usage=None), Usage(100, 20), True),
        (Outcome(kind="answered", heard=90, usage=None), Usage(100, 50), True),
        (Outcome(kind="answered", heard=20, usage=Usage(10**15, -4)), Usage(100, 50), True),
        (Outcome(kind="answered", heard=20, usage=Usage(0, 0)), Usage(100, 50), True),
        (Outcome(kind="answered", heard=20, usage=Usage(11, 51)), Usage(100, 50), True),
        (Outcome(kind="refused", heard=0, usage=Usage(11, 0)), Usage(11, 0), False),
        (Outcome(kind="timed_out"), Usage(100, 50), True),
        (Outcome(kind="server_error", free=True), Usage(0, 0), False),
        (Outcome(kind="refused", free=True), Usage(0, 0), False),
    ],
)
def test_what_an_attempt_is_charged(outcome: Outcome, charged: Usage, estimated: bool) -> None:
    assert charge(outcome, Usage(100, 50)) == (charged, estimated)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("fault", ["none", "schema"])
@pytest.mark.parametrize("point", ["attempt", "record_attempt", "settle", "record_call"])
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_a_call_that_was_cut_off_is_taken_up(
    store: Store, campaign: Campaign, server: ModelServer, monkeypatch: pytest.MonkeyPatch, fault: str, point: str,
    behind: bool,
) -> None:  # fmt: skip
    """The worker dies right before or behind each step of the first attempt that reaches it."""
    server.do(fault, "none")
    real = getattr(asking, point)

    def killed(*given: Any, **named: Any) -> None:
        if behind:
            real(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(asking, point, killed)
        with pytest.raises(KeyboardInterrupt):
            put(store, campaign)
    before = len(server.calls)
    assert put(store, campaign).size == 3
    spent(store)
    call = find_call(store, CALL)
    assert call is not None
    assert [one.kind for one in call.attempts] == kinds(store)
    if point == "attempt" or (point == "record_attempt" and not behind):
        lost, *_, last = call.attempts
        assert (lost.kind, lost.cost["tokens"]) == ("lost", most_prompt_tokens(PROMPT, Part) + 8192)
        assert last.kind == "answered"
        return
    assert kinds(store) == (["answered"] if fault == "none" else ["wrong_schema", "answered"])
    assert len(server.calls) == len(kinds(store)), "nothing that was recorded is asked again"
    if point == "record_call" or fault == "none":
        assert len(server.calls) == before


@pytest.mark.usefixtures("served")
def test_a_person_s_stop_ends_the_wait(store: Store, campaign: Campaign, server: ModelServer) -> None:
    server.do("503")
    stop_everything.set()
    try:
        with pytest.raises(Stopped):
            put(store, campaign)
    finally:
        stop_everything.clear()
    assert (server.calls, get_budget(store, "t").operations) == ([], {})


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("stage", ["propose", "analyze"])
def test_no_answer_ends_an_experiment_as_a_failure_with_a_remedy(
    store: Store, campaign: Campaign, server: ModelServer, stage: str
) -> None:
    server.do("refusal")
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="cycle 1", cycle=1)
    token = claim(store, one.id)
    assert token is not None

    def do(store: Store, _: Experiment) -> StageOutcome:
        put(store, campaign)
        raise AssertionError("it was refused")

    if stage == "analyze":  # a design is not worse because nobody had words for it
        with pytest.raises(NoAnswer):
            run_stage(one.id, token, stage, do)
        assert get_experiment(store, one.id).state == "open"
        return
    after = run_stage(one.id, token, stage, do)
    assert (after.state, after.reached) == ("failed", "propose")
    assert after.failure is not None
    assert (after.failure.kind, after.failure.remedy) == ("refused", "choose another model for this role")
    assert after.failure.message.startswith("m (refused): The model refused: I cannot help with that")
