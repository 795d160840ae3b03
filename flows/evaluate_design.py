"""Train and benchmark one experiment: the part that needs a GPU (or a core), and nothing else."""

import contextlib

from prefect import flow
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext

from archdb import (
    Conflict,
    Dispatch,
    Experiment,
    close_dispatch,
    get_campaign,
    get_experiment,
    open_store,
    renew,
)
from flows.governed import cancelled_by_people
from flows.leased import working_on
from flows.settings import dataset_of
from flows.slots import SLOT
from flows.within_budget import within_budget
from tasks.benchmark import benchmark
from tasks.gpu_train import gpu_train

LEASE_SECONDS = 60.0  # Prefect frees a killed holder's slot after this


@flow(name="evaluate-design", flow_run_name="evaluate {experiment_id}")
@cancelled_by_people
def evaluate_design(experiment_id: str, token: int | None = None, dispatch: int | None = None) -> str:
    """Train and benchmark every seed of a checked experiment.

    It runs under the global limit ``gpu-slot``, or, as the run of a deployment, under the limit of its work pool.

    Args:
        experiment_id: the experiment; its compile-check must have passed.
        token: the fencing token of a caller in the same process, who holds the experiment's lease.
        dispatch: the number under which a caller elsewhere, who holds the lease, has given the experiment to this run.
            Without token and dispatch, the flow takes the lease itself.

    Returns:
        How the experiment stands afterwards.

    Raises:
        LeaseLost: the caller's claim on the experiment, or this dispatch, has ended.
        Conflict: the data here are not those of the experiment's campaign.
    """
    experiment = get_experiment(open_store(), experiment_id)
    if dispatch is not None:
        renew(open_store(), experiment_id, Dispatch(number=dispatch).token)
        _require_same_data(experiment)
        _train_and_benchmark(experiment, Dispatch(number=dispatch).token)
    elif token is not None:
        _here(experiment, token)
    else:
        with working_on(experiment) as own:
            if own is not None:
                _here(experiment, own)
    return get_experiment(open_store(), experiment_id).state


def _here(experiment: Experiment, token: int) -> None:
    close_dispatch(open_store(), experiment.id, token)  # of an earlier caller, to a pool that this one does not use
    _train_and_benchmark(experiment, token)


def _train_and_benchmark(experiment: Experiment, token: int) -> None:
    def in_slot() -> None:
        with _slot():
            for seed in experiment.seeds:
                if not gpu_train(experiment.id, token, seed) or not benchmark(experiment.id, token, seed):
                    return

    within_budget(in_slot, experiment, token)  # nobody waits for room in a slot that others need to give some back


def _slot() -> contextlib.AbstractContextManager[None]:
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None:
        return contextlib.nullcontext()  # the work pool has let it start
    return concurrency(SLOT, occupy=1, lease_duration=LEASE_SECONDS, strict=True)


def _require_same_data(experiment: Experiment) -> None:
    campaign = get_campaign(open_store(), experiment.campaign)
    here = dataset_of(campaign.domain)
    if campaign.dataset and campaign.dataset != here:
        raise Conflict(
            f"Campaign {campaign.id} trains on {campaign.dataset}, and this machine has {here}: give it the same data "
            "(ARCHLOOP_CORPUS), as docs/kubernetes.md says."
        )
