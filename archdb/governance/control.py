"""The switch of a campaign, and the one over everything: running, paused or stopped.

It lies in the store, so that a worker on another machine sees it within a second of looking. Every change is a
compare-and-set on the number of changes so far, and is told to the event log in the same write.
"""

import uuid
from typing import Literal

import pymongo.errors
from pydantic import Field

from archdb.errors import Conflict, Halted
from archdb.events import Told, append_event
from archdb.outbox import holding, settle, telling
from archdb.patience import patient
from archdb.records import Experiment, Record, document
from archdb.store import Store

EVERYTHING = "*"  # the switch over all campaigns: no campaign can have this name
Switch = Literal["running", "paused", "stopped"]
VERBS = {"running": "resumed", "paused": "paused", "stopped": "stopped"}  # the events' kinds, too


class Control(Record):
    """How a switch stands, and who turned it last."""

    id: str = Field(alias="_id")  # the campaign, or EVERYTHING
    state: Switch
    number: int = 0  # of changes so far
    who: str = ""
    reason: str = ""
    at: float = 0.0  # by the store's clock
    nonce: str = ""  # of the change: tells whose it was when a reply of the store was lost

    @property
    def sentence(self) -> str:
        """Why nothing goes on, with the remedy."""
        what, option = ("Everything", "--all") if self.id == EVERYTHING else (f"Campaign {self.id}", self.id)
        why = f" ({self.reason})" if self.reason else ""
        return f"{what} was {VERBS[self.state]} by {self.who}{why}: `archloop resume {option}` lets it go on."


@patient
def get_control(store: Store, name: str) -> Control:
    """How a campaign's own switch stands, or that of EVERYTHING; running where nobody ever turned it."""
    found = store.controls.find_one({"_id": name})
    return Control.model_validate(found) if found else Control(id=name, state="running")


@patient
def halt_of(store: Store, campaign: str) -> Control | None:
    """The switch that keeps a campaign from going on: of two, the one that says stop. None while it may go on."""
    found = [Control.model_validate(one) for one in store.controls.find({"_id": {"$in": [campaign, EVERYTHING]}})]
    halting = sorted((one for one in found if one.state != "running"), key=lambda one: one.state, reverse=True)
    return halting[0] if halting else None


def require_running(store: Store, campaign: str) -> None:
    """Refuse what would begin in a campaign that is paused or stopped.

    Raises:
        Halted: it is.
    """
    halt = halt_of(store, campaign)
    if halt is not None:
        raise Halted(halt.sentence, campaign, stopped=halt.state == "stopped", switch=halt.id, number=halt.number)


def require_not_stopped(store: Store, campaign: str) -> None:
    """End what is in flight in a campaign that is stopped. What is paused goes on to the end of its stage.

    Raises:
        Halted: it is stopped.
    """
    halt = halt_of(store, campaign)
    if halt is not None and halt.state == "stopped":
        raise Halted(halt.sentence, campaign, stopped=True, switch=halt.id, number=halt.number)


def turn(store: Store, name: str, to: Switch, who: str, reason: str = "", number: int | None = None) -> Control:
    """Turn a switch, once.

    Args:
        store: where.
        name: the campaign, or EVERYTHING.
        to: how it shall stand.
        who: the person who turns it, or the names of several.
        reason: in the person's words.
        number: turn it only if it was turned so often before: what was decided of another state does not count.

    Raises:
        Conflict: it stands so already, or it is stopped and shall be paused, or it was turned meanwhile.
    """
    after = _turn(store, name, to, who, reason, number, uuid.uuid4().hex)
    settle(store, "controls", name)
    return after


@patient
def _turn(store: Store, name: str, to: Switch, who: str, reason: str, number: int | None, nonce: str) -> Control:
    while True:
        now = get_control(store, name)
        if now.nonce == nonce:
            return now  # the reply to our write was lost
        refuse_turn(now, to)
        if number is not None and now.number != number:
            which = "The switch over everything" if name == EVERYTHING else f"The switch of campaign {name}"
            raise Conflict(f"{which} was turned by {now.who} meanwhile: ask again if it still matters.")
        after = Control(
            id=name, state=to, number=now.number + 1, who=who, reason=reason, at=store.now(), nonce=nonce
        )  # fmt: skip
        fields = document(after)
        if now.number == 0:
            try:
                store.controls.insert_one(fields | holding(told_turn(after)))
            except pymongo.errors.DuplicateKeyError:
                continue
            return after
        change = {"$set": fields, **telling(told_turn(after))}
        if store.controls.update_one({"_id": name, "number": now.number}, change).matched_count:
            return after


def refuse_turn(now: Control, to: Switch) -> None:
    """Refuse to turn a switch to where it stands, or from stopped to paused.

    Raises:
        Conflict: one of these.
    """
    if to == "running" and now.state == to:
        what = "Nothing" if now.id == EVERYTHING else f"Campaign {now.id}"
        raise Conflict(f"{what} is paused or stopped, so there is nothing to resume: `archloop status` shows more.")
    if now.state == to or (now.state, to) == ("stopped", "paused"):
        raise Conflict(f"It is {now.state} already. {now.sentence}")


def told_turn(one: Control) -> Told:
    """A switch was turned."""
    campaign = "" if one.id == EVERYTHING else one.id
    body = {"switch": one.id, "state": one.state, "number": one.number, "who": one.who, "reason": one.reason}
    return Told(kind=VERBS[one.state], key=f"control/{one.id}/{one.number}", campaign=campaign, at=one.at, body=body)


def tell_ended(store: Store, experiment: Experiment, stage: str, halt: Halted) -> None:
    """Tell the log that the stop ended a stage in flight, once nothing of it runs any more."""
    key = f"ended/{halt.switch}/{halt.number}/{experiment.id}/{stage}"
    body = {"stage": stage, "switch": halt.switch, "number": halt.number}
    told = Told(
        kind="ended", key=key, campaign=experiment.campaign, subject=experiment.id, at=store.now(), body=body
    )  # fmt: skip
    append_event(store, told)
