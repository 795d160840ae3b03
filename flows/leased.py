"""Work on an experiment under its lease, so that no two workers ever do."""

import contextlib
from collections.abc import Iterator

from archdb import Experiment, LeaseLost, claim, clear_running, open_store, release


@contextlib.contextmanager
def working_on(experiment: Experiment) -> Iterator[int | None]:
    """Hold the experiment's lease. None when it is closed already, or when another live worker has it."""
    store = open_store()
    if experiment.stage("analyze", 0) is not None:
        yield None
        return
    token = claim(store, experiment.id)
    try:
        yield token
    except LeaseLost:
        token = None  # another worker goes on with it; what this one did is not recorded twice
    finally:
        if token is not None:
            clear_running(open_store(), experiment.id)
            release(open_store(), experiment.id, token)
