"""Train and benchmark one experiment: the part that needs a GPU (or a core), held under a slot for just that long."""

from prefect import flow
from prefect.concurrency.sync import concurrency

from archdb import Experiment, get_experiment, open_store
from flows.governed import cancelled_by_people
from flows.leased import working_on
from flows.slots import SLOT
from flows.within_budget import within_budget
from tasks.benchmark import benchmark
from tasks.gpu_train import gpu_train

LEASE_SECONDS = 60.0  # Prefect frees a killed holder's slot after this


@flow(name="evaluate-design", flow_run_name="evaluate {experiment_id}")
@cancelled_by_people
def evaluate_design(experiment_id: str, token: int | None = None) -> str:
    """Train and benchmark every seed of a checked experiment under the global limit ``gpu-slot``.

    Args:
        experiment_id: the experiment; its compile-check must have passed.
        token: the fencing token of the caller's lease on it; without one, the flow takes the lease itself.

    Returns:
        How the experiment stands afterwards.
    """
    experiment = get_experiment(open_store(), experiment_id)
    if token is not None:
        _train_and_benchmark(experiment, token)
    else:
        with working_on(experiment) as own:
            if own is not None:
                _train_and_benchmark(experiment, own)
    return get_experiment(open_store(), experiment_id).state


def _train_and_benchmark(experiment: Experiment, token: int) -> None:
    def in_slot() -> None:
        with concurrency(SLOT, occupy=1, lease_duration=LEASE_SECONDS, strict=True):
            for seed in experiment.seeds:
                if not gpu_train(experiment.id, token, seed) or not benchmark(experiment.id, token, seed):
                    return

    within_budget(in_slot, experiment, token)  # nobody waits for room in a slot that others need to give some back
