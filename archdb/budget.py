"""The budget ledger: what a campaign may spend, has spent, and has in flight, exact under any number of workers.

A campaign has one hot document. An operation (a training, a model call) is reserved in it before it starts, and leaves
it when it is settled, so that the document stays small; what it cost stays as a BudgetEntry of its own. For every kind
of spending, at every moment: cap = available + spent + in flight.

Every step is one conditional update, keyed by the operation, and may be repeated or cut off anywhere:

1. reserve: takes the amounts from what is available, if the operation is not in flight and there is room;
2. settle marks the operation in flight with what it really cost (the first mark stays),
3. writes the BudgetEntry from that mark, under an id that follows from the operation,
4. and moves the operation out: gives the reserved amounts back and charges the actual ones.

Each reservation carries a nonce, and so does the entry. A late duplicate of step 1 that arrives when the operation is
settled has another nonce than its entry: it is never charged, and whoever sees it next takes it out.
"""

import uuid
from collections.abc import Iterable, Mapping

from archdb import outbox
from archdb.amounts import KINDS, Amounts, Exact, exact, shown
from archdb.dispatches import is_working
from archdb.errors import BudgetSpent, Conflict
from archdb.leases import HUNG_SECONDS, is_alive, is_held, this_process
from archdb.ledger import (
    Budget,
    BudgetEntry,
    Operation,
    enter,
    fresh,
    give_back,
    mark,
    move_out,
    name_of,
    opened,
    settled,
    take,
    take_over,
    total_of,
)
from archdb.model_calls import find_attempt, is_attempt
from archdb.outbox import telling
from archdb.patience import patient
from archdb.records import REPLAYED, Dispatch, Lease, Stage
from archdb.store import Store
from archdb.told import told_caps

MEASURED = ("cpu_seconds", "gpu_seconds")  # kinds that a stage's summary tells; its "tokens" are trained on, not bought


def stage_operation(experiment: str, stage_key: str) -> str:
    """The operation that one stage of an experiment is: whoever does the stage again reserves and settles the same."""
    return f"{experiment}/{stage_key}"


def cost_of(stage: Stage) -> Amounts:
    """What a recorded stage cost, as its summary says: nothing, if its result came from a cassette."""
    if stage.summary.get(REPLAYED):
        return {}
    return {kind: float(stage.summary[kind]) for kind in MEASURED if kind in stage.summary}


@patient
def get_budget(store: Store, campaign: str) -> Budget:
    """How a campaign's budget stands; nothing spent and no caps if nothing was ever reserved or capped."""
    found = store.budgets.find_one({"_id": campaign})
    return Budget.model_validate(found) if found else fresh(campaign)


@patient
def set_caps(store: Store, campaign: str, caps: Amounts) -> Budget:
    """Set or raise the caps named here; the others stay.

    Raises:
        Conflict: a cap lies below what is spent and in flight.
        ValueError: an amount is none.
    """
    wanted = {kind: exact({kind: amount}).get(kind, 0) for kind, amount in caps.items()}
    while True:
        budget = opened(store, campaign)
        change = {kind: cap - budget.caps[kind] for kind, cap in wanted.items() if cap != budget.caps[kind]}
        for kind, by in change.items():
            if by < 0 and budget.available[kind] + by < 0:
                flying, word = budget.in_flight[kind], KINDS[kind].word
                least = budget.spent[kind] + flying
                raise Conflict(
                    f"A cap of {shown(wanted[kind], kind)} {word} is too low for campaign {campaign}, which has spent "
                    f"{shown(budget.spent[kind], kind)} and has {shown(flying, kind)} in flight: give more than "
                    f"{shown(least, kind)} with {KINDS[kind].option}."
                )
        if not change:
            outbox.settle(store, "budgets", campaign)
            return budget
        as_seen = {f"caps.{kind}": budget.caps[kind] for kind in change}
        room = {f"available.{kind}": {"$gte": -by} for kind, by in change.items() if by < 0}
        store.budgets.update_one(
            {"_id": campaign} | as_seen | room,
            {
                "$set": {f"caps.{kind}": wanted[kind] for kind in change},
                "$inc": {f"available.{kind}": by for kind, by in change.items()},
                **telling(told_caps(campaign, {kind: wanted[kind] for kind in change}, uuid.uuid4().hex)),
            },
        )


def reserve(
    store: Store, campaign: str, operation: str, amounts: Amounts, what: str = "operation"
) -> Operation | BudgetEntry:
    """Reserve one operation: :func:`reserve_all` of a single one."""
    return reserve_all(store, campaign, {operation: amounts}, what)[operation]


@patient
def reserve_all(
    store: Store, campaign: str, operations: Mapping[str, Amounts], what: str = "operation"
) -> dict[str, Operation | BudgetEntry]:
    """Reserve all of these operations in one update, or none.

    An operation that is in flight keeps the reservation that it has, now under this process's name; one that is settled
    is not reserved again: its entry is returned.

    Args:
        store: where.
        campaign: whose budget.
        operations: the most that each may cost.
        what: the operations' name in the sentence of BudgetSpent.

    Raises:
        BudgetSpent: there is no room now.
        ValueError: an amount is none.
    """
    wanted = {key: exact(amounts) for key, amounts in operations.items()}
    while True:
        entries = settled(store, campaign, wanted)
        budget = opened(store, campaign)
        flying = {key: budget.operations[name_of(key)] for key in wanted if name_of(key) in budget.operations}
        ended = [one for one in flying.values() if one.actual is not None or one.key in entries]
        for one in ended:
            move_out(store, entries.get(one.key) or enter(store, campaign, one))
        if ended or not all(take_over(store, campaign, one) for one in flying.values()):
            continue
        missing = {key: units for key, units in wanted.items() if key not in entries and key not in flying}
        if missing and not take(store, campaign, missing):
            budget = opened(store, campaign)
            total = total_of(missing.values())
            if budget.short_of(total) and not any(name_of(key) in budget.operations for key in missing):
                raise _short(budget, total, what)
            continue
        if not missing:
            return {**flying, **entries}


@patient
def settle(store: Store, campaign: str, operation: str, actual: Amounts) -> BudgetEntry:
    """Record what an operation cost and charge it, once: the first settlement's amounts stay.

    It may have cost more than was reserved, and one that was never reserved may be settled too: both are charged as
    they are, and a cap then refuses what follows.

    Raises:
        ValueError: an amount is none.
    """
    cost = exact(actual)
    while True:
        entry = settled(store, campaign, (operation,)).get(operation)
        if entry is not None:
            break
        flying = opened(store, campaign).operations.get(name_of(operation))
        if flying is None:
            take(store, campaign, {operation: {}})
        elif flying.actual is None:
            mark(store, campaign, flying, cost)
        else:
            entry = enter(store, campaign, flying)
            break
    move_out(store, entry)
    return entry


@patient
def settle_in_full(store: Store, campaign: str, operation: str) -> BudgetEntry | None:
    """Charge an operation in flight all that was reserved for it: it may have happened, and nobody knows what it cost.

    Returns its entry, also where it was settled before; None if it was never reserved.
    """
    flying = opened(store, campaign).operations.get(name_of(operation))
    if flying is None:
        return settled(store, campaign, (operation,)).get(operation)
    mark(store, campaign, flying, flying.amounts)
    return settle(store, campaign, operation, {})


def cancel(store: Store, campaign: str, operation: str) -> BudgetEntry:
    """Settle an operation that did not happen and never will: it cost nothing."""
    return settle(store, campaign, operation, {})


@patient
def release_operations(store: Store, campaign: str, operations: Iterable[str]) -> None:
    """Give back what this process reserved for operations that it did not do: they may be reserved again.

    Stages that are recorded after all are settled instead.
    """
    names = {name_of(key) for key in operations}
    for one in get_budget(store, campaign).operations.values():
        if name_of(one.key) in names and one.owner == this_process():
            _end(store, campaign, one)


@patient
def recover(store: Store, campaign: str) -> Budget:
    """Bring to an end what dead workers left: settlements are completed, stages and model calls that are recorded are
    settled with what their records say, and other reservations are given back; but those of model calls are charged in
    full, since somebody else's server may have answered and billed.

    A worker of this machine is dead when its process is gone. One of another machine is taken for dead when it reserved
    long ago, does not hold the lease of the operation's experiment, and does not work on it as its dispatch.
    """
    for one in get_budget(store, campaign).operations.values():
        entered = one.key in settled(store, campaign, (one.key,))
        if entered or one.actual is not None or not _at_work(store, one):
            _end(store, campaign, one)
    return get_budget(store, campaign)


@patient
def list_entries(store: Store, campaign: str) -> list[BudgetEntry]:
    """The campaign's settled operations, in the order of their settlement."""
    found = [BudgetEntry.model_validate(one) for one in store.budget_entries.find({"campaign": campaign})]
    return sorted(found, key=lambda one: (one.settled_at, one.id))


def _end(store: Store, campaign: str, one: Operation) -> None:
    entry = settled(store, campaign, (one.key,)).get(one.key)
    if entry is not None or one.actual is not None:
        move_out(store, entry or enter(store, campaign, one))
        return
    cost = _recorded_cost(store, one)
    if cost is not None:
        settle(store, campaign, one.key, cost)
    elif is_attempt(one.key):
        settle_in_full(store, campaign, one.key)
    else:
        give_back(store, campaign, one)


def _recorded_cost(store: Store, one: Operation) -> Amounts | None:
    if is_attempt(one.key):
        attempt = find_attempt(store, one.key)
        return attempt.cost if attempt else None
    found = store.experiments.find_one({"_id": one.experiment}, {"stages": 1}) or {"stages": {}}
    recorded = found["stages"].get(one.key.partition("/")[2])
    return cost_of(Stage.model_validate(recorded)) if recorded is not None else None


def _at_work(store: Store, one: Operation) -> bool:
    alive = is_alive(one.owner)
    if alive is not None:
        return alive
    found = store.experiments.find_one({"_id": one.experiment}, {"lease": 1, "dispatch": 1}) or {}
    at = store.now()  # after the record: a renewal in between would be of the future
    held = is_held(Lease.model_validate(found.get("lease", {})), at)
    dispatched = is_working(Dispatch.model_validate(found.get("dispatch", {})), at)
    return held or dispatched or at - one.since < HUNG_SECONDS


def _short(budget: Budget, wanted: Exact, what: str) -> BudgetSpent:
    kind = budget.short_of(wanted) or next(iter(KINDS))
    cap, left = budget.caps[kind], max(0, budget.available[kind])
    return BudgetSpent(
        f"The campaign's budget of {shown(cap, kind)} {KINDS[kind].word} has {shown(left, kind)} left and the next "
        f"{what} may take {shown(wanted[kind], kind)}: raise it with {KINDS[kind].option} N, then run the same command "
        "again.",
        budget.id,
        wanted,
    )
