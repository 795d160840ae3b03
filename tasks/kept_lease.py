"""Keeping an experiment's lease while a stage waits for somebody else's answer, such as a model's."""

import contextlib
import threading
from collections.abc import Iterator

from archdb import LeaseLost, Store, StoreUnavailable, impatient, renew

BEAT = 15.0  # seconds between renewals; a lease lasts for a minute
BRIEFLY = 2.0  # seconds that the store is waited for


@contextlib.contextmanager
def kept_lease(store: Store, experiment_id: str, token: int) -> Iterator[None]:
    """Renew the lease from a thread of its own until the block ends.

    A lease that was lost is not fought for: the stage's write, which carries the token, will say so.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            try:
                with contextlib.suppress(StoreUnavailable), impatient(BRIEFLY):
                    renew(store, experiment_id, token)
            except LeaseLost:
                return

    thread = threading.Thread(target=beat, name=f"lease of {experiment_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
