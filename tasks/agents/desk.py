"""Where a provider's roles work: at one experiment, with a way to have questions to a model answered."""

from dataclasses import dataclass
from typing import Protocol

from archdb import Campaign, Experiment, Store
from tasks.models import Prompt, ask
from tasks.models.replies import Shape


class Answered(Protocol):
    """A way in which questions are answered: as :func:`tasks.models.ask` does, which is the usual one."""

    def __call__(
        self,
        store: Store,
        campaign: Campaign,
        experiment: str,
        role: str,
        number: int,
        prompt: Prompt,
        shape: type[Shape],
        /,
    ) -> Shape: ...


@dataclass(frozen=True)
class Desk:
    """One experiment's, at a worker that has leased it."""

    store: Store
    campaign: Campaign
    experiment_id: str
    answered_by: Answered = ask

    def ask(self, role: str, number: int, prompt: Prompt, shape: type[Shape]) -> Shape:
        """The answer to a role's question; see :func:`tasks.models.ask`."""
        return self.answered_by(self.store, self.campaign, self.experiment_id, role, number, prompt, shape)


def desk_of(store: Store, campaign: Campaign, experiment: Experiment) -> Desk:
    """The desk of an experiment that the caller has leased."""
    return Desk(store, campaign, experiment.id)
