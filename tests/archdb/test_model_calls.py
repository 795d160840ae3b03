"""Model calls in the store, and what the budget ledger does with attempts that nobody recorded."""

import psutil
import pytest

from archdb import (
    ModelAttempt,
    Store,
    attempt_operation,
    attempts_at,
    call_id,
    call_of,
    exact,
    find_call,
    find_event,
    get_budget,
    list_calls,
    record_attempt,
    record_call,
    recover,
    reserve,
    set_caps,
    settle_in_full,
)
from archdb.leases import this_process
from tests.archdb.accounts import assert_whole

CALL = call_id("t-c001", "engineer", 0)
MOST = {"tokens": 100, "dollars": 0.3}


def attempt(number: int, kind: str = "answered", tokens: int = 7, dollars: float | None = 0.1) -> ModelAttempt:
    return ModelAttempt(
        id=f"{CALL}/{number}", call=CALL, number=number, campaign="t", experiment="t-c001", role="engineer", model="m",
        kind=kind, prompt_tokens=tokens, completion_tokens=1, dollars=dollars, seconds=1.5,
    )  # fmt: skip


def abandon(store: Store, operation: str) -> None:
    """Reserve it under the name of a process that is gone."""
    reserve(store, "t", operation, MOST)
    gone = psutil.Popen(["true"])
    gone.wait()
    owner = f"{this_process().rsplit('/', 2)[0]}/{gone.pid}/1.00"
    (name,) = get_budget(store, "t").operations
    store.budgets.update_one({"_id": "t"}, {"$set": {f"operations.{name}.owner": owner}})


def test_a_call_is_recorded_once_and_told_once(store: Store) -> None:
    tried = [record_attempt(store, attempt(0, "server_error", 0, None)), record_attempt(store, attempt(1))]
    assert record_attempt(store, attempt(1, "refused")) == tried[1], "the first record stays"
    assert attempts_at(store, CALL) == tried
    call = call_of(tried, 0, "p", "t.md", "h", 3.0)
    assert (call.outcome, call.prompt_tokens, call.completion_tokens) == ("answered", 7, 2)
    assert (call.dollars, call.seconds, call.number) == (0.1, 3.0, 0)
    assert record_call(store, call) == call
    assert record_call(store, call.model_copy(update={"outcome": "refused"})) == call
    assert find_call(store, CALL) == call
    assert list_calls(store, "t-c001") == [call]
    event = find_event(store, f"call/{CALL}")
    assert event is not None
    assert (event.subject, event.body["prompt"], event.body["template"]) == ("t-c001", "p", "h")
    assert store.events.count_documents({}) == 1


@pytest.mark.parametrize(
    ("recorded", "recovers"), [(False, False), (False, True), (True, True)], ids=["redo", "recover", "recorded"]
)
def test_what_a_killed_worker_may_have_sent_is_charged(store: Store, recorded: bool, recovers: bool) -> None:
    set_caps(store, "t", {"tokens": 1000})
    operation = attempt_operation(CALL, 0)
    abandon(store, operation)
    cost = record_attempt(store, attempt(0)).cost if recorded else MOST
    if recovers:
        recover(store, "t")
    entry = settle_in_full(store, "t", operation)
    assert entry is not None
    assert entry.actual == exact(cost)
    assert settle_in_full(store, "t", operation) == entry
    assert assert_whole(store).operations == {}
    assert settle_in_full(store, "t", attempt_operation(CALL, 1)) is None


def test_a_living_worker_s_attempt_is_left_alone(store: Store) -> None:
    reserve(store, "t", attempt_operation(CALL, 0), MOST)
    recover(store, "t")
    assert assert_whole(store).in_flight["tokens"] == 100
