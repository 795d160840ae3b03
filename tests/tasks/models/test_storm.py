"""Many calls at once against a server that misbehaves at random: nothing is lost, paid twice, or over the cap."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from archdb import (
    KINDS,
    BudgetSpent,
    Campaign,
    Store,
    attempts_at,
    call_id,
    find_call,
    get_budget,
    list_entries,
    set_caps,
)
from tasks.faults import ModelUnusable, TransportFault
from tasks.models import NoAnswer, Prompt, ask
from tests.archdb.accounts import assert_whole
from tests.tasks.models.conftest import QUICK
from tests.tasks.models.server import FAULTS, ModelServer
from tests.tasks.models.test_asking import Part

SEED, THREADS = 8, 8
WAITS = {"idle_seconds": 0.5, "total_seconds": 1.0, "longest_wait": 0.5, "attempts": 3, "max_output_tokens": 100}
NEGOTIATED = {"no_format": 2, "json_only": 1, "no_stream": 1, "new_length": 1, "countless": 1}  # requests more, at most


class Watcher(threading.Thread):
    """Looks at the budget again and again, and counts the moments at which a cap was exceeded."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True)
        self.store, self.over, self.looks, self.ending = store, 0, 0, threading.Event()

    def run(self) -> None:
        while not self.ending.wait(0.01):
            budget = get_budget(self.store, "t")
            self.over += any(budget.available[kind] < 0 for kind in KINDS)
            self.looks += 1

    def end(self) -> None:
        self.ending.set()
        self.join()


@pytest.mark.parametrize(
    ("calls", "tokens"), [(60, 18_000), pytest.param(500, 90_000, marks=pytest.mark.slow)], ids=["60", "500"]
)
def test_calls_in_a_storm(
    store: Store, campaign: Campaign, server: ModelServer, models: Callable[..., Path], calls: int, tokens: int
) -> None:
    dice = random.Random(SEED)
    server.do(*(dice.choice(["none", *FAULTS]) if dice.random() < 0.6 else "none" for _ in range(5 * calls)))
    one = {"name": "m", "base_url": server.url, **QUICK, **WAITS, "prompt_price": 1.0, "completion_price": 5.0}
    models(one, one | {"name": "n", "prompt_price": 2.0, "completion_price": 9.0, "weight": 2.0})
    set_caps(store, "t", {"tokens": tokens, "dollars": tokens / 10**6 * 3})

    def call(number: int) -> Part | type[Exception]:
        try:
            return put(store, campaign, number)
        except (NoAnswer, TransportFault, ModelUnusable, BudgetSpent) as fault:
            return type(fault)

    watcher = Watcher(store)
    watcher.start()
    with ThreadPoolExecutor(THREADS) as pool:
        ended = list(pool.map(call, range(calls)))
    watcher.end()

    told = Counter("answer" if isinstance(one, Part) else one.__name__ for one in ended)
    assert told["answer"] > calls / 4
    assert {"NoAnswer", "TransportFault", "BudgetSpent"} < set(told), told
    assert (watcher.over, watcher.looks > calls) == (0, True)
    budget = assert_whole(store)
    assert budget.operations == {}
    attempts = list(store.model_attempts.find({}))
    assert budget.spent["tokens"] == sum(one["prompt_tokens"] + one["completion_tokens"] for one in attempts)
    assert budget.spent["dollars"] == sum(round(one["dollars"] * 10**6) for one in attempts)
    assert len(list_entries(store, "t")) == len(attempts), "each attempt is charged once"
    extra = sum(NEGOTIATED.get(one.fault, 0) for one in server.calls)
    assert len(attempts) <= len(server.calls) <= len(attempts) + extra, "each request is recorded once"
    assert {one["model"] for one in attempts} == {"m", "n"}

    server.do("500")
    before = len(server.calls)
    for number, outcome in enumerate(ended):
        name = call_id(*named(number))
        recorded = find_call(store, name)
        assert (recorded is not None) == (isinstance(outcome, Part) or outcome is NoAnswer)
        if recorded is not None:
            assert list(recorded.attempts) == attempts_at(store, name)
            assert call(number) == outcome, "the record tells the same again"
    assert len(server.calls) == before, "and nobody is asked for it"


def named(number: int) -> tuple[str, str, int]:
    return f"t-c{number // 5:03d}", ("researcher", "engineer")[number % 2], number


def put(store: Store, campaign: Campaign, number: int) -> Part:
    prompt = Prompt(system="You name parts.", user=f"Name part {number}.")
    return ask(store, campaign, *named(number), prompt, Part)
