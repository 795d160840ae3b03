"""What people's switches mean to a flow: it does not begin in a campaign that is halted, and ends as Cancelled."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect.context import FlowRunContext
from prefect.states import Cancelled

from archdb import Halted, NotApproved, Store
from archdb.governance import require_not_stopped, require_running

Given = ParamSpec("Given")
Result = TypeVar("Result")


def cancelled_by_people(body: Callable[Given, Result]) -> Callable[Given, Result]:
    """The body of a flow whose run ends as Cancelled, with the sentence, where people stopped or refused it.

    Whoever called the flow gets the fault itself: Halted or NotApproved.
    """

    @functools.wraps(body)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return body(*args, **kwargs)
        except (Halted, NotApproved) as fault:
            if FlowRunContext.get() is None:
                raise
            return Cancelled(message=str(fault), data=fault)  # type: ignore[return-value]

    return run


def refuse_halted(store: Store, campaign: str) -> None:
    """Let no flow run begin in a campaign that is paused or stopped. One inside another waits while it is paused.

    Raises:
        Halted: it is.
    """
    (require_not_stopped if is_inside() else require_running)(store, campaign)


def is_inside() -> bool:
    """Whether this flow run was started by another one, in the same process."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.parent_task_run_id)
