"""What a stage is: a function from the experiment record to a patch of it, recorded once.

Prefect retries, schedules and shows stages; it caches and persists nothing. Whether a stage was done is read from the
experiment in MongoDB, so a stage that is already recorded is skipped, and killing a worker at any point loses at most
the stage in flight.
"""

import errno
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.tasks import exponential_backoff
from pydantic import BaseModel, ConfigDict

from archdb import (
    REPLAYED,
    Amounts,
    Campaign,
    Experiment,
    Failed,
    Halted,
    Running,
    Stage,
    Store,
    StoreUnavailable,
    get_campaign,
    get_experiment,
    open_store,
    put_report,
    require_space,
    show_running,
    stage_key,
    stage_operation,
    write_stage,
)
from archdb.copies import HeldEvaluation
from archdb.governance import require_running, tell_ended
from tasks.faults import CapacityFault, TransportFault
from tasks.kept_lease import kept_lease
from tasks.models.outcomes import NoAnswer
from tasks.replay.evaluations import recorded_evaluation
from tasks.spending import give_back, reserve_stage, settle_stage

RETRIES = 5
TRANSIENT = (StoreUnavailable, TransportFault, CapacityFault)


class Outcome(BaseModel):
    """What a stage found: a small summary, a full report, a failure of the design, and fields to set."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    summary: dict[str, Any] = {}
    report: BaseModel | None = None  # a versioned report of another room, stored as it is
    failure: Failed | None = None
    kept: str | None = None  # sha256 of a report that is stored already
    patch: dict[str, Any] = {}


def is_transient(_task: object, _run: object, state: Any) -> bool:
    """Prefect's retry condition: transport and capacity faults are tried again, everything else is not."""
    fault = state.result(raise_on_failure=False)
    return isinstance(fault, TRANSIENT)


def stage_task(name: str) -> Callable[[Callable[..., Any]], Any]:
    """A Prefect task for a stage: shown under ``name``, retried on transient faults only, never cached."""
    return task(
        name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=RETRIES,
        retry_delay_seconds=exponential_backoff(backoff_factor=1),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
    )


def run_stage(
    experiment_id: str,
    token: int,
    stage: str,
    do: Callable[[Store, Experiment], Outcome],
    *,
    seed: int | None = None,
    attempt: int | None = None,
    most: Callable[[Campaign], Amounts] | None = None,
    fatal: bool = True,
) -> Experiment:
    """Do a stage unless it is recorded, record it, and return the experiment as it is afterwards.

    Of a stage that costs something, what the campaign's cassette says is taken instead, if it has one that says it.

    Args:
        experiment_id: the experiment.
        token: the fencing token of the caller's lease on it.
        stage: the stage's name, as people see it in Prefect.
        do: the work. It may raise a transient fault (retried by the task) but returns failures of the design; that a
            model gave no usable answer is one, too.
        seed: for stages that are done once a seed.
        attempt: defaults to the experiment's current attempt.
        most: for stages that cost something: what this one may cost at most in its campaign. It is reserved first, and
            settled with the kinds of spending that the summary names.
        fatal: whether a failure ends the experiment (a check's does not while a repair may follow).

    Raises:
        BudgetSpent: the campaign's budget has no room for it now. Nothing was done.
        Halted: the campaign is paused, and nothing was begun; or it was stopped, and what was begun was ended.
    """
    store = open_store()
    before = get_experiment(store, experiment_id)
    number = before.attempt if attempt is None else attempt
    key = stage_key(stage, number, seed)
    if key in before.stages:
        if most is not None:
            settle_stage(store, before, before.stages[key])  # its worker may have died between record and settlement
        return before
    if before.state != "open" and stage != "analyze":
        return before
    require_running(store, before.campaign)
    recorded = recorded_evaluation(store, before, stage, number, seed) if most is not None else None
    if recorded is not None:
        do, most = partial(_replayed, recorded), None
    if most is None:
        return _do(store, before, token, stage, do, seed, number, fatal)
    if not reserve_stage(store, before, stage, key, most(get_campaign(store, before.campaign))):
        return get_experiment(store, experiment_id)  # another worker has recorded it a moment ago
    try:
        after = _do(store, before, token, stage, do, seed, number, fatal)
    except BaseException:
        give_back(store, before.campaign, [stage_operation(before.id, key)])
        raise
    settle_stage(store, after, after.stages[key])
    return after


def _do(
    store: Store,
    before: Experiment,
    token: int,
    stage: str,
    do: Callable[[Store, Experiment], Outcome],
    seed: int | None,
    number: int,
    fatal: bool,
) -> Experiment:
    started = time.time()
    show_running(
        store,
        Running(id=before.id, campaign=before.campaign, name=before.name, stage=stage, since=started, at=started),
    )
    try:
        with kept_lease(store, before.id, token):
            outcome = do(store, before)
    except Halted as halted:
        tell_ended(store, before, stage, halted)
        raise
    except OSError as fault:
        if fault.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
            raise CapacityFault(f"The machine had no room for {stage} of {before.id} ({fault.strerror}).") from fault
        raise
    except NoAnswer as told:
        if stage == "analyze":  # the design is what it is, whether somebody has words for it or not
            raise
        outcome = Outcome(failure=Failed(stage=stage, kind=told.kind, message=str(told), remedy=told.remedy))
    if outcome.failure is not None:
        require_space()  # a full disk makes good designs fail: that is no result
    record = Stage(
        stage=stage,
        attempt=number,
        seed=seed,
        started_at=started,
        seconds=time.time() - started,
        summary=outcome.summary,
        report=outcome.kept or _keep(store, outcome.report),
        failure=outcome.failure,
        flow_run=current_flow_run(),
    )
    patch = dict(outcome.patch)
    if outcome.failure is not None and fatal:
        patch |= {"state": "failed", "failure": outcome.failure, "finished_at": time.time()}
    return write_stage(store, before.id, record, token, seen=before, **patch)


def _replayed(recorded: HeldEvaluation, _store: Store, _experiment: Experiment) -> Outcome:
    """What the stage found when it was recorded."""
    return Outcome(
        summary=recorded.summary | {REPLAYED: True},
        kept=recorded.report or None,
        failure=recorded.failure,
        patch=recorded.sets,
    )


def _keep(store: Store, report: BaseModel | None) -> str | None:
    if report is None:
        return None
    return put_report(store, type(report).__name__, getattr(report, "version", 1), report.model_dump(mode="json"))


def current_flow_run() -> str | None:
    """The id of the Prefect flow run that this code runs in, if any."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else None
