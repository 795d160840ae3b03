"""Where a checked design is evaluated: in this process, or as a run of its own on a GPU work pool.

The caller holds the experiment's lease all the while. The run on the pool works under the fencing token of its
dispatch, whose number is kept in the experiment: a caller that dies loses nothing, since the next one waits for the
same run, and a run that was given up can write nothing any more.
"""

import contextlib
import time
from typing import Any
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelling, Crashed

from archdb import (
    Dispatch,
    Experiment,
    Halted,
    LeaseLost,
    Running,
    StoreMisconfigured,
    StoreUnavailable,
    close_dispatch,
    get_campaign,
    get_experiment,
    impatient,
    open_dispatch,
    open_store,
    renew,
    reserve_all,
    show_running,
)
from archdb.governance import require_not_stopped, require_running
from flows.evaluate_design import GIVEN_BACK, evaluate_design
from flows.gpu_pool import VARIABLE, gpu_deployment
from flows.pulse import within
from flows.within_budget import within_budget
from tasks.faults import CapacityFault, Stopped
from tasks.kept_lease import kept_lease
from tasks.plan import evaluation_plan
from tasks.sandbox.jail import stop_everything
from tasks.spending import give_back

STAGE = "evaluate"
MOST_FRUITLESS = 3  # dispatches in a row that end before anything is recorded
LOOK_SECONDS = 2.0  # between looks at the run
BRIEFLY = 2.0  # seconds that the store is waited for
SILENT_SECONDS = 300.0  # a run that is running, and says nothing in the store for so long, is given up


def evaluate(experiment_id: str, token: int) -> None:
    """Train and benchmark a checked experiment where this laboratory does that.

    Args:
        experiment_id: the experiment; its compile-check must have passed.
        token: the fencing token of the caller's lease on it.

    Raises:
        LeaseLost: another worker has claimed the experiment since.
        Halted: the campaign was stopped.
        Stopped: a person has cancelled this run, or the one on the pool.
        CapacityFault: the run on the pool failed, or crashed again and again; the text says how.
        StoreMisconfigured: there is no such deployment.
    """
    deployment = gpu_deployment()
    if deployment is None:
        get_run_logger().info("No GPU work pool is named (%s): %s is evaluated in-process.", VARIABLE, experiment_id)
        within(evaluate_design, experiment_id, token)
        return
    fruitless, experiment = 0, get_experiment(open_store(), experiment_id)
    while _left(experiment):
        number, state = _evaluate_on(deployment, experiment, token)
        recorded, experiment = len(experiment.stages), get_experiment(open_store(), experiment_id)
        fruitless = 0 if len(experiment.stages) > recorded or state.name == GIVEN_BACK else fruitless + 1
        said = (state.message or "no message")[:300]
        told = f"dispatch {number} of {experiment_id} to {deployment} ended as {state.name}: {said}"
        get_run_logger().info("The %s", told)
        if state.is_cancelled():
            require_not_stopped(open_store(), experiment.campaign)  # a stop ends the run on the pool, too
            raise Stopped(f"Stopped, since {told}")
        if _left(experiment) and (state.is_failed() or fruitless == MOST_FRUITLESS):
            raise CapacityFault(f"The {told}; mend the pool, then run the same command again.")


def _left(experiment: Experiment) -> bool:
    """Whether a seed is left to train or benchmark."""
    done = all(experiment.stage("benchmark", seed=seed) is not None for seed in experiment.seeds)
    return experiment.state == "open" and not done


def _evaluate_on(deployment: str, experiment: Experiment, token: int) -> tuple[int, State]:
    """Dispatch once, or join the dispatch that is open, and wait for its end: its number, and how its run ended."""
    store = open_store()
    plan = evaluation_plan(get_campaign(store, experiment.campaign), experiment)

    def reserve() -> None:
        require_running(store, experiment.campaign)
        reserve_all(store, experiment.campaign, plan, STAGE)

    within_budget(reserve, experiment, token)  # no machine is taken before it may do, and has room for, what it shall
    try:
        dispatch = open_dispatch(store, experiment.id, token)
        state = _outcome(_start(deployment, experiment, dispatch), experiment, token)
        close_dispatch(store, experiment.id, token)
        return dispatch.number, state
    finally:
        give_back(store, experiment.campaign, plan)  # what a run on the pool has taken over stays reserved


def _start(deployment: str, experiment: Experiment, dispatch: Dispatch) -> UUID:
    """The flow run of a dispatch; asked again, the same one. A laboratory begun anew has other experiments."""
    try:
        run: Any = run_deployment(  # outside of async code a FlowRun
            deployment,
            parameters={"experiment_id": experiment.id, "dispatch": dispatch.number},
            timeout=0,
            idempotency_key=f"{experiment.id}/{experiment.created_at}/{STAGE}/{dispatch.number}",
        )
    except ObjectNotFound as fault:
        raise StoreMisconfigured(
            f"The Prefect server knows no deployment {deployment}: register it with `prefect deploy --all`, or unset "
            f"{VARIABLE} to evaluate in-process."
        ) from fault
    return UUID(str(run.id))


def _outcome(run: UUID, experiment: Experiment, token: int) -> State:
    """Wait for a run on the pool, keeping the lease, and return its final state. Who is cancelled cancels it."""
    above = [UUID(one) for one in {this_run.id, this_run.root_flow_run_id} if one]
    with get_client(sync_client=True) as client:
        try:
            with kept_lease(open_store(), experiment.id, token):  # a server that is away keeps its client for minutes
                return _watched(client, run, above, experiment, token)
        except LeaseLost:
            raise  # the run is another caller's now
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt | Halted | Stopped) or _is_cancelled(client, above):
                _cancel(client, run)
                close_dispatch(open_store(), experiment.id, token)
            raise


def _watched(client: SyncPrefectClient, run: UUID, above: list[UUID], experiment: Experiment, token: int) -> State:
    heard: tuple[object, float] | None = None
    since = time.monotonic()
    while True:
        found = _look(client, [run])
        state = found[0].state if found else None
        if state is not None and state.is_final():
            return state
        running = None if found is None else state is not None and state.is_running()
        now = _attend(experiment, token, running)
        if found == []:
            return Crashed(message="The Prefect server knows it no more.")
        sign = (state.id, now.dispatch.seen) if now is not None and state is not None and running else None
        if sign is None or sign != heard:
            heard, since = sign, time.monotonic()
        if time.monotonic() - since > SILENT_SECONDS:
            _cancel(client, run)
            return Crashed(message=f"It said nothing for {SILENT_SECONDS:.0f} seconds.")
        if stop_everything.is_set() or _is_cancelled(client, above):
            raise Stopped
        time.sleep(LOOK_SECONDS)


def _attend(experiment: Experiment, token: int, running: bool | None) -> Experiment | None:
    """Keep the lease, look at the switch, and show that the pool has no room yet. None while the store does not answer.

    Args:
        experiment: whose evaluation is waited for.
        token: of the caller's lease on it.
        running: whether the run on the pool is; None while the Prefect server does not say.
    """
    with contextlib.suppress(StoreUnavailable), impatient(BRIEFLY):
        store = open_store()
        renew(store, experiment.id, token)
        if not running:  # a run looks at the switch itself, and tells what the stop has ended
            require_not_stopped(store, experiment.campaign)
        if running is False:
            at = time.time()
            shown = Running(
                id=experiment.id,
                campaign=experiment.campaign,
                name=experiment.name,
                stage="waiting for the GPU pool",
                since=at,
                at=at,
            )
            show_running(store, shown)
        return get_experiment(store, experiment.id)
    return None


def _look(client: SyncPrefectClient, runs: list[UUID]) -> list[FlowRun] | None:
    """Those of these flow runs that the Prefect server knows, as they are; None while it does not answer."""
    try:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=runs)))
    except httpx.TransportError:
        return None


def _is_cancelled(client: SyncPrefectClient, runs: list[UUID]) -> bool:
    states = [one.state for one in _look(client, runs) or ()]
    return any(state is not None and (state.is_cancelling() or state.is_cancelled()) for state in states)


def _cancel(client: SyncPrefectClient, run: UUID) -> None:
    with contextlib.suppress(httpx.HTTPError):
        client.set_flow_run_state(run, Cancelling(message="Its caller was stopped, or gave it up."))
