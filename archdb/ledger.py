"""The budget ledger's documents, and the single updates of them, each of which may be made twice.

archdb/budget.py tells in which order they are made, and why that is exact.
"""

import contextlib
import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping

import pymongo.errors
from pydantic import Field

from archdb.amounts import KINDS, UNLIMITED, Exact
from archdb.leases import this_process
from archdb.records import Body, Record, document
from archdb.store import Store

INDEXES = {"budget_entries": (("campaign",),)}


class Operation(Record):
    """A reservation in flight."""

    key: str  # experiment/whatever: the experiment is the one under whose lease the work is done
    amounts: Exact  # reserved
    since: float  # by the store's clock
    owner: str  # the process that does it
    nonce: str
    actual: Exact | None = None  # what it cost, from the moment when that is known

    @property
    def experiment(self) -> str:
        return self.key.partition("/")[0]


class Budget(Record):
    """A campaign's hot document."""

    id: str = Field(alias="_id")  # the campaign's
    caps: Exact  # UNLIMITED where nobody set one
    available: Exact  # negative once operations have cost more than was reserved for them
    spent: Exact
    operations: dict[str, Operation] = Field(
        default_factory=dict
    )  # by a hash of their keys, which hold dots, colons and dollars

    @property
    def in_flight(self) -> Exact:
        """What is reserved at this moment."""
        return {kind: self.caps[kind] - self.available[kind] - self.spent[kind] for kind in KINDS}

    def short_of(self, wanted: Exact, in_time: bool = False) -> str | None:
        """The first kind that has no room for ``wanted``; ``in_time``, even if all that is in flight cost nothing."""
        coming = self.in_flight if in_time else {}
        return next((k for k, units in wanted.items() if units > self.available[k] + coming.get(k, 0)), None)


class BudgetEntry(Record):
    """A settled operation. Written once."""

    id: str = Field(alias="_id")  # campaign/operation
    campaign: str
    operation: str
    reserved: Exact
    actual: Exact
    since: float
    settled_at: float
    owner: str
    nonce: str


def name_of(operation: str) -> str:
    """The name of the operation's field, a hash: keys hold dots, colons and dollars, which fields may not."""
    return hashlib.sha256(operation.encode()).hexdigest()[:32]


def place_of(operation: str) -> str:
    """The path of the operation's field in the hot document."""
    return f"operations.{name_of(operation)}"


def fresh(campaign: str) -> Budget:
    """Nothing spent, and no cap on anything."""
    caps = dict.fromkeys(KINDS, UNLIMITED)
    return Budget(id=campaign, caps=caps, available=caps, spent=dict.fromkeys(KINDS, 0))


def opened(store: Store, campaign: str) -> Budget:
    """The hot document as it is, made if it is missing."""
    found = store.budgets.find_one({"_id": campaign})
    if found is None:
        with contextlib.suppress(pymongo.errors.DuplicateKeyError):
            store.budgets.insert_one(document(fresh(campaign)))
        found = store.budgets.find_one({"_id": campaign})
    return Budget.model_validate(found)


def settled(store: Store, campaign: str, operations: Iterable[str]) -> dict[str, BudgetEntry]:
    """The entries that there are of these operations."""
    ids = [f"{campaign}/{operation}" for operation in operations]
    found = [BudgetEntry.model_validate(one) for one in store.budget_entries.find({"_id": {"$in": ids}})]
    return {one.operation: one for one in found}


def take(store: Store, campaign: str, missing: Mapping[str, Exact]) -> bool:
    """The one update that reserves: whether there was room, and none of them was in flight."""
    at, owner = store.now(), this_process()
    total = total_of(missing.values())
    reserved = {
        place_of(key): document(Operation(key=key, amounts=units, since=at, owner=owner, nonce=uuid.uuid4().hex))
        for key, units in missing.items()
    }
    condition: Body = {"_id": campaign} | {f"available.{kind}": {"$gte": units} for kind, units in total.items()}
    condition |= {field: {"$exists": False} for field in reserved}
    taken = {f"available.{kind}": -units for kind, units in total.items()}
    return bool(store.budgets.update_one(condition, {"$set": reserved} | _increments(taken)).matched_count)


def take_over(store: Store, campaign: str, one: Operation) -> bool:
    """Put this process's name on an operation in flight; False if it is not in flight as it was seen."""
    if one.owner == this_process():
        return True
    at = place_of(one.key)
    changed = {f"{at}.owner": this_process(), f"{at}.since": store.now()}
    done = store.budgets.update_one(
        {"_id": campaign, f"{at}.nonce": one.nonce, f"{at}.actual": None}, {"$set": changed}
    )
    return bool(done.matched_count)


def give_back(store: Store, campaign: str, one: Operation) -> None:
    """Undo a reservation, unless it was taken over or settled meanwhile."""
    at = place_of(one.key)
    as_seen = {"_id": campaign, f"{at}.nonce": one.nonce, f"{at}.owner": one.owner, f"{at}.actual": None}
    back = {f"available.{kind}": units for kind, units in one.amounts.items()}
    store.budgets.update_one(as_seen, {"$unset": {at: ""}} | _increments(back))


def mark(store: Store, campaign: str, one: Operation, actual: Exact) -> None:
    """Note what an operation in flight cost, unless that is noted."""
    at = place_of(one.key)
    as_seen = {"_id": campaign, f"{at}.nonce": one.nonce, f"{at}.actual": None}
    store.budgets.update_one(as_seen, {"$set": {f"{at}.actual": actual}})


def enter(store: Store, campaign: str, one: Operation) -> BudgetEntry:
    """The entry of a marked operation, or the one that is there."""
    entry = BudgetEntry(
        id=f"{campaign}/{one.key}",
        campaign=campaign,
        operation=one.key,
        reserved=one.amounts,
        actual=one.actual or {},
        since=one.since,
        settled_at=time.time(),
        owner=one.owner,
        nonce=one.nonce,
    )
    try:
        store.budget_entries.insert_one(document(entry))
    except pymongo.errors.DuplicateKeyError:
        return settled(store, campaign, (one.key,))[one.key]
    return entry


def move_out(store: Store, entry: BudgetEntry) -> None:
    """Take a settled operation out of the hot document: charged if it is the entry's own, else a late duplicate."""
    one = opened(store, entry.campaign).operations.get(name_of(entry.operation))
    if one is None:
        return
    at = place_of(one.key)
    charged = entry.actual if one.nonce == entry.nonce else {}
    change = {f"available.{kind}": one.amounts.get(kind, 0) - charged.get(kind, 0) for kind in KINDS}
    change |= {f"spent.{kind}": units for kind, units in charged.items()}
    as_seen = {"_id": entry.campaign, f"{at}.nonce": one.nonce}
    store.budgets.update_one(as_seen, {"$unset": {at: ""}} | _increments(change))


def _increments(by: Exact) -> Body:
    changed = {field: units for field, units in by.items() if units}
    return {"$inc": changed} if changed else {}  # an empty $inc is an error


def total_of(amounts: Iterable[Exact]) -> Exact:
    """The sum, kind by kind."""
    total: Exact = {}
    for one in amounts:
        for kind, units in one.items():
            total[kind] = total.get(kind, 0) + units
    return total
