"""Waiting for people: a flow that a worker runs is suspended with a form; one in a terminal looks until they decided.

Either way the decision is the store's (archdb/governance/requests.py), so `archloop approve` works for both, and a
form that was filled in is one more way to say the same.
"""

import logging
from collections.abc import Callable
from itertools import count
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from archdb import Amounts, Campaign, Conflict, NotApproved, NotFound, Store
from archdb.governance import (
    Request,
    conclude,
    decide,
    get_request,
    name_flow_run,
    open_request,
    refusal_of,
    require_not_stopped,
    rule_of,
    standing_of,
)
from archdb.governance.approvals import What
from flows.governed import is_inside
from tasks.faults import Stopped
from tasks.sandbox.jail import stop_everything

LOOK_SECONDS = 1.0  # between looks at what people decided
Estimate = Callable[[], tuple[Amounts, str]]


class Decision(RunInput):
    """What a person fills in where a flow run waits for approval."""

    name: str = Field(description="Who decides: your name, as the campaign's approvers are named.")
    decision: Literal["approve", "refuse"] = Field("approve", description="A refusal ends what was asked for.")
    reason: str = Field("", description="In your words; it is kept in the event log.")


def await_start(store: Store, campaign: Campaign, estimate: Estimate) -> None:
    """Wait until people approve a campaign's start, if it has to be. A flow inside another does not ask again.

    Args:
        store: where decisions are recorded.
        campaign: which one begins.
        estimate: what the flow that asks is going to take.

    Raises:
        NotApproved: they refused, or another flow run asks them already.
        Halted: the campaign was stopped meanwhile.
    """
    if not is_inside():
        await_approval(store, campaign, "campaign", campaign.id, estimate)


def await_approval(
    store: Store, campaign: Campaign, what: What, subject: str, estimate: Estimate, size: int = 0
) -> None:
    """Wait until enough people approve, if the campaign asks any.

    Args:
        store: where decisions are recorded.
        campaign: whose rule says who decides.
        what: is to be approved.
        subject: the campaign, or the experiment to verify.
        estimate: what it is going to take; only the first who asks is asked for it.
        size: how many trainings it is; what was approved covers no more of them.

    Raises:
        NotApproved: they refused, or another flow run asks them already.
        Halted: the campaign was stopped meanwhile.
    """
    rule = rule_of(campaign)
    if not rule.needed:
        return
    try:
        request = get_request(store, what, subject)
    except NotFound:
        amounts, told = estimate()
        request = open_request(store, what, subject, campaign.id, rule, told, amounts, size)
    request = conclude(store, request)
    if request.state == "waiting":
        request = (_suspended if _is_deployed() else _watched)(store, request)
    if request.state == "refused":
        raise NotApproved(refusal_of(request))
    if size > request.size:
        raise NotApproved(
            f"{subject} was approved for {request.size} trainings, not {size}: ask for no more than was approved."
        )


def _is_deployed() -> bool:
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id and not is_inside())


def _watched(store: Store, request: Request) -> Request:
    """Look until people have decided, with nothing held."""
    logging.getLogger("archloop").warning("Waiting for approval. %s", standing_of(store, request))
    while request.state == "waiting":
        require_not_stopped(store, request.campaign)
        if stop_everything.wait(LOOK_SECONDS):
            raise Stopped
        request = conclude(store, request)
    return request


def _suspended(store: Store, request: Request) -> Request:
    """Leave this process until a person fills in the form; the flow run then begins anew and comes here again."""
    run, note = str(FlowRunContext.get().flow_run.id), ""  # type: ignore[union-attr]
    for number in count(1):
        if request.state != "waiting":
            break
        _take_the_asking(store, request, run)
        form = Decision.with_initial_data(description="\n\n".join(filter(None, (note, standing_of(store, request)))))
        said = suspend_flow_run(wait_for_input=form, key=f"{request.what}-{number}", timeout=None)
        try:
            request = decide(
                store, request, said.name, "approved" if said.decision == "approve" else "refused", said.reason
            )
        except Conflict as fault:
            note, request = str(fault), conclude(store, request)
    return request


def _take_the_asking(store: Store, request: Request, run: str) -> None:
    """Let one flow run ask, the first: a schedule would else fill the page with runs that ask the same."""
    if request.flow_run == run:
        return
    if (request.flow_run and _is_suspended(request.flow_run)) or not name_flow_run(store, request, run):
        raise NotApproved(f"Another flow run asks for it already. {standing_of(store, request)}")


def _is_suspended(run: str) -> bool:
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(run)).state
        except ObjectNotFound:
            return False
    return state is not None and state.is_paused()


def wake(request: Request, who: str) -> bool:
    """Let the flow run that is suspended for an ended request go on. False if none is."""
    if not request.flow_run or not _is_suspended(request.flow_run):
        return False
    word = "approve" if request.state == "approved" else "refuse"
    with get_client(sync_client=True) as client:
        client.resume_flow_run(
            UUID(request.flow_run), run_input={"name": who, "decision": word, "reason": request.reason}
        )  # fmt: skip
    return True
