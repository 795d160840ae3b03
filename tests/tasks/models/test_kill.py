"""kill -9 of a worker whose request is on its way."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from archdb import Campaign, Store, attempts_at, call_id, find_call, get_budget, recover, set_caps
from tests.archdb.accounts import assert_whole
from tests.tasks.models.server import GOOD, ModelServer
from tests.tasks.models.test_storm import named, put


@pytest.mark.parametrize("recovers", [True, False], ids=["recovered", "taken up"])
def test_a_request_of_a_killed_worker_is_paid_once_and_asked_again(
    store: Store, campaign: Campaign, server: ModelServer, served: dict[str, Any], recovers: bool
) -> None:
    set_caps(store, "t", {"tokens": 30_000, "dollars": 30})
    server.do("stall", "none")
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.tasks.models.caller", "0"],
        env={**os.environ, "ARCHLOOP_MONGODB_URI": store.address},
        stdout=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not server.calls:
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    worker.kill()
    worker.wait()
    (held,) = get_budget(store, "t").operations.values()
    if recovers:  # as whoever joins the campaign, or waits for room in its budget, does
        assert recover(store, "t").operations == {}
        assert get_budget(store, "t").spent == {
            kind: held.amounts.get(kind, 0) for kind in get_budget(store, "t").spent
        }
    assert put(store, campaign, 0).model_dump_json() == GOOD.replace(": ", ":").replace(", ", ",")
    name = call_id(*named(0))
    lost, answered = attempts_at(store, name)
    assert (lost.kind, answered.kind, len(server.calls)) == ("lost", "answered", 2)
    budget = assert_whole(store)
    assert budget.operations == {}
    assert budget.spent["tokens"] == held.amounts["tokens"] + answered.cost["tokens"]
    call = find_call(store, name)
    assert call is not None
    assert call.prompt_tokens + call.completion_tokens == budget.spent["tokens"]
    assert call.dollars == pytest.approx(budget.spent["dollars"] / 10**6)
