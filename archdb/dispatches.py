"""Dispatches: the evaluation of an experiment, given to another machine while the caller keeps the lease.

That machine writes under the dispatch's own fencing token. So a caller may die, and the next one claims the lease and
waits for the same dispatch, while a machine that was given up can write nothing once another dispatch is open.
"""

from archdb.experiments import compare_and_set, lease_lost
from archdb.leases import LEASE_SECONDS
from archdb.records import Dispatch, Experiment
from archdb.store import Document, Store


def open_dispatch(store: Store, experiment_id: str, token: int) -> Dispatch:
    """The dispatch that is open, or a new one under the next number.

    Args:
        store: the store.
        experiment_id: the experiment.
        token: of the caller's lease on it.

    Raises:
        LeaseLost: another worker has claimed the experiment since.
    """

    def change(now: Experiment) -> Document | None:
        _require_lease(now, token)
        if now.dispatch.open:
            return None
        return {"dispatch": Dispatch(number=now.dispatch.number + 1, open=True, seen=store.now())}

    return compare_and_set(store, experiment_id, change).dispatch


def close_dispatch(store: Store, experiment_id: str, token: int) -> None:
    """End what is open: its machine, if it still works, loses the right to write, and stops at its next renewal.

    Raises:
        LeaseLost: another worker has claimed the experiment since.
    """

    def change(now: Experiment) -> Document | None:
        _require_lease(now, token)
        return {"dispatch.open": False} if now.dispatch.open else None

    compare_and_set(store, experiment_id, change)


def is_working(dispatch: Dispatch, at: float) -> bool:
    """Whether the dispatch's machine has said lately that it works, at this time of the store's clock.

    The clock is asked after the dispatch was read: what was seen later was stamped before the clock went back.
    """
    return dispatch.open and dispatch.seen <= at < dispatch.seen + LEASE_SECONDS


def _require_lease(now: Experiment, token: int) -> None:
    if now.lease.token != token:
        raise lease_lost(now)
