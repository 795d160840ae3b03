"""Work that its campaign's budget has to have room for: waits while room may come, and else ends with the sentence."""

import time
from collections.abc import Callable
from typing import TypeVar

from archdb import BudgetSpent, Experiment, Running, open_store, recover, renew, show_running
from tasks.faults import Stopped
from tasks.sandbox.jail import stop_everything

T = TypeVar("T")
LOOK_SECONDS = 1.0  # between looks at the budget


def within_budget(work: Callable[[], T], experiment: Experiment | None = None, token: int = 0) -> T:
    """Do the work; when the budget has no room for it, wait until operations in flight have given enough back.

    The work must leave nothing half done when it finds no room, and it is called again from its start. Nothing that
    operations in flight may need (a slot, a reservation) may be held meanwhile, or two would wait for each other.

    Args:
        work: raises BudgetSpent when there is no room.
        experiment: what is worked on, to show that it waits, under ``token``'s lease, which is kept.

    Raises:
        BudgetSpent: all that is in flight together could not make enough room.
    """
    while True:
        try:
            return work()
        except BudgetSpent as short:
            _wait(short, experiment, token)


def _wait(short: BudgetSpent, experiment: Experiment | None, token: int) -> None:
    store, since = open_store(), time.time()
    while True:
        budget = recover(store, short.campaign)  # a dead worker's reservation is no reason to wait
        if budget.short_of(short.wanted) is None:
            return
        if budget.short_of(short.wanted, in_time=True) is not None:
            raise short
        if stop_everything.is_set():
            raise Stopped("Stopped: what is recorded stays, and the same command goes on from here.")
        if experiment is not None:
            renew(store, experiment.id, token)
            show_running(
                store,
                Running(
                    id=experiment.id,
                    campaign=experiment.campaign,
                    name=experiment.name,
                    stage="waiting for budget",
                    since=since,
                    at=time.time(),
                ),
            )
        time.sleep(LOOK_SECONDS)
