"""Where a provider's roles work: at one experiment, with a way to ask a model on its campaign's account."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from archdb import Campaign, Experiment, LeaseLost, Store, StoreUnavailable, renew
from tasks.models import Prompt, ask
from tasks.models.replies import Shape

RENEW_SECONDS = 15.0  # a model may think for many minutes, and a silent worker is given up after one


@dataclass(frozen=True)
class Desk:
    """One experiment's. Whoever sits there holds its lease, under ``token``."""

    store: Store
    campaign: Campaign
    experiment_id: str
    token: int

    def ask(self, role: str, number: int, prompt: Prompt, shape: type[Shape]) -> Shape:
        """The answer to a role's question; see :func:`tasks.models.ask`. The lease is kept meanwhile."""
        with self._kept():
            return ask(self.store, self.campaign, self.experiment_id, role, number, prompt, shape)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        ending = threading.Event()

        def keep() -> None:
            while not ending.wait(RENEW_SECONDS):
                try:
                    renew(self.store, self.experiment_id, self.token)
                except StoreUnavailable:
                    continue
                except LeaseLost:
                    return  # what was asked is recorded all the same; the stage's write is refused

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()


def desk_of(store: Store, campaign: Campaign, experiment: Experiment) -> Desk:
    """The desk of an experiment that the caller has leased."""
    return Desk(store, campaign, experiment.id, experiment.lease.token)
