"""What a stage costs its campaign: reserved before it starts, settled with what was measured once it is recorded."""

import contextlib
from collections.abc import Iterable, Mapping

from archdb import (
    Amounts,
    ArchiveError,
    Experiment,
    Operation,
    Stage,
    Store,
    cost_of,
    impatient,
    release_operations,
    reserve,
    settle,
    stage_operation,
)

BRIEFLY = 2.0  # seconds that the store is waited for
WORDS: Mapping[str, str] = {"compile-check": "check", "gpu-train": "training"}  # for people; else the stage's name


def reserve_stage(store: Store, experiment: Experiment, stage: str, key: str, most: Amounts) -> bool:
    """Reserve the most that a stage may cost. Done again it changes nothing. False: it is settled, and not to be done.

    Raises:
        BudgetSpent: the campaign's budget has no room for it now.
    """
    operation = stage_operation(experiment.id, key)
    return isinstance(reserve(store, experiment.campaign, operation, most, WORDS.get(stage, stage)), Operation)


def settle_stage(store: Store, experiment: Experiment, done: Stage) -> None:
    """Charge what a recorded stage cost, once."""
    settle(store, experiment.campaign, stage_operation(experiment.id, done.key), cost_of(done))


def give_back(store: Store, campaign: str, operations: Iterable[str]) -> None:
    """Give back what is reserved for work that was not done, if the store answers; else a later worker does."""
    with contextlib.suppress(ArchiveError), impatient(BRIEFLY):
        release_operations(store, campaign, operations)
