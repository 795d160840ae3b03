"""Work that may have to wait: for room in its campaign's budget, and for a paused campaign to be resumed."""

import time
from collections.abc import Callable
from typing import TypeVar

from archdb import BudgetSpent, Experiment, Halted, Running, open_store, recover, renew, show_running
from archdb.governance import halt_of, require_not_stopped
from flows.announcing import at_rest
from tasks.faults import Stopped
from tasks.sandbox.jail import stop_everything

T = TypeVar("T")
LOOK_SECONDS = 1.0  # between looks at the budget and at the switch


def within_budget(work: Callable[[], T], experiment: Experiment | None = None, token: int = 0) -> T:
    """Do the work; when the budget has no room for it, wait until operations in flight have given enough back, and
    when its campaign is paused, until it is resumed.

    The work must leave nothing half done when it finds no room or a pause, and it is called again from its start.
    Nothing that operations in flight may need (a slot, a reservation) may be held meanwhile, or two would wait for
    each other.

    Args:
        work: raises BudgetSpent when there is no room, and Halted when its campaign is paused or stopped.
        experiment: what is worked on, to show that it waits, under ``token``'s lease, which is kept.

    Raises:
        BudgetSpent: all that is in flight together could not make enough room.
        Halted: the campaign was stopped.
    """
    while True:
        try:
            return work()
        except BudgetSpent as short:
            _wait_for_room(short, experiment, token)
        except Halted as halted:
            if halted.stopped:
                raise
            _wait_for_resume(halted, experiment, token)


def _wait_for_room(short: BudgetSpent, experiment: Experiment | None, token: int) -> None:
    store, since = open_store(), time.time()
    while True:
        budget = recover(store, short.campaign)  # a dead worker's reservation is no reason to wait
        if budget.short_of(short.wanted) is None:
            return
        if budget.short_of(short.wanted, in_time=True) is not None:
            raise short
        require_not_stopped(store, short.campaign)
        _look_again("waiting for budget", since, experiment, token)


def _wait_for_resume(halted: Halted, experiment: Experiment | None, token: int) -> None:
    store, since = open_store(), time.time()
    with at_rest(halted.campaign):
        while halt_of(store, halted.campaign) is not None:
            require_not_stopped(store, halted.campaign)
            _look_again("paused", since, experiment, token)


def _look_again(why: str, since: float, experiment: Experiment | None, token: int) -> None:
    """Keep the lease, show what is waited for, and sleep a moment."""
    if stop_everything.is_set():
        raise Stopped
    if experiment is not None:
        store = open_store()
        renew(store, experiment.id, token)
        show_running(
            store,
            Running(
                id=experiment.id,
                campaign=experiment.campaign,
                name=experiment.name,
                stage=why,
                since=since,
                at=time.time(),
            ),
        )
    time.sleep(LOOK_SECONDS)
