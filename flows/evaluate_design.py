"""Train and benchmark one experiment: the part that needs a GPU (or a core), and nothing else."""

import contextlib
from functools import partial

from prefect import flow
from prefect.context import FlowRunContext
from prefect.states import Completed

from archdb import (
    BudgetSpent,
    Dispatch,
    Experiment,
    Halted,
    close_dispatch,
    get_campaign,
    get_experiment,
    open_store,
    renew,
)
from flows.governed import cancelled_by_people, refuse_halted
from flows.leased import working_on
from flows.pulse import beating
from flows.same_data import require_same_data
from flows.slots import in_slot
from flows.within_budget import within_budget
from tasks.benchmark import benchmark
from tasks.gpu_train import gpu_train

GIVEN_BACK = "GivenBack"  # the final state of a dispatch that may not go on now: no machine is held meanwhile


@flow(name="evaluate-design", flow_run_name="evaluate {experiment_id}")
@beating
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
        How the experiment stands afterwards. A dispatch that meets a pause, or has no room in the budget, ends as
        GivenBack: its caller waits, and dispatches again.

    Raises:
        Halted: the campaign was stopped; or it is paused, and nobody has called.
        LeaseLost: the caller's claim on the experiment, or this dispatch, has ended.
        Conflict: the data here are not those of the experiment's campaign.
    """
    experiment = get_experiment(open_store(), experiment_id)
    if dispatch is not None:
        renew(open_store(), experiment_id, Dispatch(number=dispatch).token)
        try:
            _train_and_benchmark(experiment, Dispatch(number=dispatch).token)
        except (BudgetSpent, Halted) as fault:
            if isinstance(fault, Halted) and fault.stopped:
                raise
            return Completed(name=GIVEN_BACK, message=str(fault))  # type: ignore[return-value]
    elif token is not None:
        _here(experiment, token)
    else:
        refuse_halted(open_store(), experiment.campaign)
        with working_on(experiment) as own:
            if own is not None:
                _here(experiment, own)
    return get_experiment(open_store(), experiment_id).state


def _here(experiment: Experiment, token: int) -> None:
    close_dispatch(open_store(), experiment.id, token)  # of an earlier caller, to a pool that this one does not use
    within_budget(partial(_train_and_benchmark, experiment, token), experiment, token)


def _train_and_benchmark(experiment: Experiment, token: int) -> None:
    """Nobody waits for room in here: others need the slot, or the machine, to give some back."""
    require_same_data(get_campaign(open_store(), experiment.campaign))
    with _slot():
        for seed in experiment.seeds:
            if not gpu_train(experiment.id, token, seed) or not benchmark(experiment.id, token, seed):
                return


def _slot() -> contextlib.AbstractContextManager[None]:
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None:
        return contextlib.nullcontext()  # the work pool has let it start
    return in_slot()
