"""A fork: a new campaign with the settings of an old one, whose parents are at first designs chosen from the old one.

The designs' records stay where they are, as those of an imported campaign do. The fork trains baselines of its own, on
a budget of its own: its fitness is measured against what its own environment gives. The new campaign names the old one
and the designs, and the old one's forks are found by that; the event log tells of it under both names.
"""

import time
from collections.abc import Mapping, Sequence

import pymongo.errors

from archdb.errors import Conflict
from archdb.events import Told
from archdb.lineage import find_experiments
from archdb.outbox import holding, settle
from archdb.patience import patient
from archdb.pool import leaderboard
from archdb.records import Campaign, document
from archdb.store import Store
from archdb.told import told_campaign

MOST = 10  # designs that are chosen where nobody chooses


def designs_to_fork(store: Store, campaign: Campaign, ids: Sequence[str] = ()) -> tuple[str, ...]:
    """The designs that a fork starts from: those named, else the best candidates of the campaign.

    Raises:
        Conflict: the campaign was imported or is a replay; one is not a finished design of it, or there is none.
    """
    if campaign.ranked_by or campaign.cassette:
        how = "imported" if campaign.ranked_by else "a replay"
        instead = f"start one with --parents-from {campaign.id}" if campaign.ranked_by else "fork the one it replays"
        raise Conflict(f"Campaign {campaign.id} is {how} and cannot be forked: {instead}.")
    if not ids:
        best = _best(store, campaign.id)
        if not best:
            raise Conflict(
                f"Campaign {campaign.id} has no finished design to start from: wait for one, or give its file to "
                "`archloop evaluate` and name it with --from."
            )
        return tuple(best)
    found = {one.id: one for one in find_experiments(store, ids)}
    for name in ids:
        one = found.get(name)
        fit = one is not None and one.campaign == campaign.id and one.kind in ("candidate", "external")
        if one is None or not fit or one.state != "done" or one.fitness is None or one.code is None:
            raise Conflict(
                f"{name} is no finished design of campaign {campaign.id}: choose candidates, or files that were "
                f"evaluated, from `archloop leaderboard --campaign {campaign.id}`."
            )
    return tuple(dict.fromkeys(ids))


def _best(store: Store, campaign: str) -> list[str]:
    """The best candidates, from a board that is widened until there are enough of them, or no more designs."""
    limit = 3 * MOST
    while True:
        board = leaderboard(store, campaign, limit)
        found = [one.id for one in board if one.kind == "candidate"]
        if len(found) >= MOST or len(board) < limit:
            return found[:MOST]
        limit *= 2


@patient
def refuse_known(store: Store, name: str) -> None:
    """Refuse a name that a campaign has.

    Raises:
        Conflict: one has it.
    """
    if store.campaigns.find_one({"_id": name}, {"_id": 1}) is not None:
        raise Conflict(f"A campaign is called {name} already: choose another name for the fork.")


def fork_campaign(
    store: Store, old: Campaign, name: str, designs: Sequence[str], who: str, environment: Mapping[str, str]
) -> Campaign:
    """Create the fork, with the old campaign's settings and its rule of approval.

    Raises:
        Conflict: a campaign has this name.
    """
    settled = {"cycles": 0, "panel": None, "reference_cpu_seconds": None, "environment": dict(environment)}
    origin = {"forked_from": old.id, "forked": tuple(designs), "created_at": time.time()}
    fresh = old.model_copy(update={"id": name, **settled, **origin})
    _insert(store, fresh, who)
    settle(store, "campaigns", name)
    return fresh


@patient
def _insert(store: Store, fresh: Campaign, who: str) -> None:
    try:
        store.campaigns.insert_one(document(fresh) | holding(told_campaign(fresh), told_fork(fresh, who)))
    except pymongo.errors.DuplicateKeyError:
        kept = store.campaigns.find_one({"_id": fresh.id}) or {}
        if (kept.get("forked_from"), kept.get("created_at")) != (fresh.forked_from, fresh.created_at):
            refuse_known(store, fresh.id)  # else the reply to our write was lost


@patient
def forks_of(store: Store, campaign: str) -> list[Campaign]:
    """The campaigns that were forked from this one, oldest first."""
    found = [Campaign.model_validate(one) for one in store.campaigns.find({"forked_from": campaign})]
    return sorted(found, key=lambda one: (one.created_at, one.id))


def told_fork(fork: Campaign, who: str) -> Told:
    """A campaign was forked: an event of the old one."""
    body = {"fork": fork.id, "designs": ", ".join(fork.forked), "who": who}
    return Told(kind="forked", key=f"forked/{fork.forked_from}/{fork.id}", campaign=fork.forked_from, body=body)
