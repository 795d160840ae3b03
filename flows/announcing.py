"""What campaigns tell Prefect's automations, as events: that they are at work, that a cycle ended, a breakthrough.

An automation waits for the next sign of a campaign that is at work (flows/notifying.py). A flow that ended or was
stopped by a person says that the campaign rests; one that failed or was killed does not, so that somebody is told.

The server takes up events that come at once in any order, and a sign of work that is taken up after the one of rest
reads like a campaign at work. So each event names the one that it follows. The server can still miss that one while it
is taking it up; then it takes the other up a quarter of an hour later, which is within the time that is waited.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from prefect.events import Event, emit_event

from archdb import Experiment, Halted, NotApproved, Verified
from tasks.faults import Stopped

WORKING = "archloop.campaign.working"
RESTING = "archloop.campaign.resting"
CYCLE = "archloop.cycle.finished"
BREAKTHROUGH = "archloop.breakthrough"
CAMPAIGNS, DESIGNS = "archloop.campaign.", "archloop.experiment."  # ids of resources begin with these

_last: dict[str, Event] = {}  # of each campaign
_at_work: ContextVar[str] = ContextVar("at_work", default="")


@contextmanager
def at_work(campaign: str) -> Iterator[None]:
    """Around all that a flow does for a campaign. Inside another flow of the same campaign it tells nothing."""
    if _at_work.get() == campaign:
        yield
        return
    before = _at_work.set(campaign)
    _tell(WORKING, campaign, f"Campaign {campaign} is at work.")
    failed = False
    try:
        yield
    except Exception as fault:
        failed = not isinstance(fault, Halted | NotApproved | Stopped)
        raise
    finally:
        _at_work.reset(before)
        if not failed:
            _tell(RESTING, campaign, f"Campaign {campaign} rests.")


@contextmanager
def at_rest(campaign: str) -> Iterator[None]:
    """While a flow that is at work waits for people: nobody need be told that no cycle ends."""
    _tell(RESTING, campaign, f"Campaign {campaign} is paused.")
    yield
    _tell(WORKING, campaign, f"Campaign {campaign} is at work again.")


def announce_cycle(one: Experiment) -> None:
    """A cycle of a campaign has ended, whatever came out."""
    _tell(CYCLE, one.campaign, f"{one.id} {one.name} has ended.")


def announce_breakthrough(one: Verified, sentence: str) -> None:
    """A design was verified to be a breakthrough."""
    emit_event(
        BREAKTHROUGH,
        resource={"prefect.resource.id": DESIGNS + one.experiment, "prefect.resource.name": one.experiment},
        related=[{"prefect.resource.id": CAMPAIGNS + one.campaign, "prefect.resource.role": "campaign"}],
        payload={"text": sentence, "campaign": one.campaign, "promoted": one.result["promoted"]},
    )


def _tell(event: str, campaign: str, text: str) -> None:
    resource = {"prefect.resource.id": CAMPAIGNS + campaign, "prefect.resource.name": campaign}
    payload = {"text": text, "campaign": campaign}
    told = emit_event(event, resource=resource, payload=payload, follows=_last.get(campaign))
    if told is not None:
        _last[campaign] = told
