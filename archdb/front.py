"""Pareto fronts of a campaign, kept as designs get their scores: one small document a front, changed by one
compare-and-set, so that racing writers leave the front of all that they offered.

A design is offered before its fitness is recorded, and offering it again changes nothing: a stage that is done anew
after a crash puts right what the first try left undone.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Literal

import pymongo.errors
from pydantic import Field, FiniteFloat

from archdb.patience import patient
from archdb.records import Experiment, Outline, Record, document, plain
from archdb.store import Store

Better = Literal["higher", "lower"]
FITNESS = "fitness"
INDEXES: Mapping[str, tuple[tuple[str, ...], ...]] = {}  # fronts are found by their ids


class Member(Record):
    """A design that no other beats on every axis."""

    id: str  # the experiment's
    point: tuple[FiniteFloat, ...]  # as recorded, in the order of the front's axes


class Front(Record):
    """The designs of a campaign that no other design equals or beats on every axis and beats on one."""

    id: str = Field(alias="_id")  # campaign/name
    campaign: str
    name: str
    axes: dict[str, Better]  # "fitness", an objective's gain or an entry of efficiency; fixed by the first offer
    members: tuple[Member, ...] = ()
    rev: int = 0


@patient
def offer(store: Store, experiment: Experiment, name: str, axes: Mapping[str, Better]) -> bool:
    """Put a design onto a front of its campaign unless it is dominated, and take off what it dominates.

    Args:
        store: where.
        experiment: with the scores that the axes name; where one is lacking it cannot stand on this front.
        name: of the front.
        axes: coordinate -> which direction is better. Gains are better when higher.

    Returns:
        Whether the design is on the front.
    """
    fresh = Front(id=f"{experiment.campaign}/{name}", campaign=experiment.campaign, name=name, axes=dict(axes))
    while True:
        found = store.fronts.find_one({"_id": fresh.id})
        if found is None:
            with contextlib.suppress(pymongo.errors.DuplicateKeyError):
                store.fronts.insert_one(document(fresh))
            continue
        now = Front.model_validate(found)
        point = coordinates(experiment, now.axes)
        if point is None:
            return False
        offered = Member(id=experiment.id, point=point)
        others = [one for one in now.members if one.id != experiment.id]
        if any(dominates(one.point, point, now.axes) for one in others):
            return False
        if offered in now.members:
            return True
        members = [*(one for one in others if not dominates(point, one.point, now.axes)), offered]
        changed = {"$set": {"members": plain(members, fresh.id)}, "$inc": {"rev": 1}}
        if store.fronts.update_one({"_id": fresh.id, "rev": now.rev}, changed).matched_count:
            return True


@patient
def pareto_front(store: Store, campaign: str, name: str) -> Front | None:
    """The front of this name; None before the first design was offered to it."""
    found = store.fronts.find_one({"_id": f"{campaign}/{name}"})
    return Front.model_validate(found) if found else None


@patient
def campaign_fronts(store: Store, campaign: str) -> list[Front]:
    """Every front of a campaign."""
    return [Front.model_validate(one) for one in store.fronts.find({"campaign": campaign})]


def coordinates(experiment: Outline, axes: Mapping[str, Better]) -> tuple[float, ...] | None:
    """Where a design stands; None if it lacks a coordinate."""
    known = {**experiment.efficiency, **experiment.gains}
    if experiment.fitness is not None:
        known[FITNESS] = experiment.fitness
    return tuple(known[axis] for axis in axes) if all(axis in known for axis in axes) else None


def dominates(one: Sequence[float], other: Sequence[float], axes: Mapping[str, Better]) -> bool:
    """Whether the point ``one`` is nowhere worse and somewhere better; both in the order of the axes."""
    ahead = [a - b if better == "higher" else b - a for a, b, better in zip(one, other, axes.values(), strict=True)]
    return min(ahead, default=0.0) >= 0 and max(ahead, default=0.0) > 0
