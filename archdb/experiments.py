"""Writing experiments: every write is one compare-and-set on the revision, and every stage is written once."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pymongo.errors

from archdb.errors import LeaseLost, NotFound
from archdb.events import Told
from archdb.outbox import insert_telling, pass_on, settle, telling
from archdb.outlines import FIELDS, record_outlines
from archdb.patience import patient
from archdb.records import Experiment, Kind, Stage, document, plain
from archdb.store import Document, Store
from archdb.told import told_stage
from archdb.tree import record_places


@patient
def create_experiment(
    store: Store,
    experiment_id: str,
    *,
    campaign: str,
    kind: Kind,
    name: str,
    cycle: int | None = None,
    seeds: tuple[int, ...] = (0,),
    tags: tuple[str, ...] = (),
) -> Experiment:
    """Open an experiment under a deterministic id, or return the one that already has it."""
    fresh = Experiment(
        id=experiment_id,
        campaign=campaign,
        kind=kind,
        name=name,
        cycle=cycle,
        seeds=seeds,
        tags=tags,
        created_at=time.time(),
    )
    try:
        store.experiments.insert_one(document(fresh))
    except pymongo.errors.DuplicateKeyError:
        fresh = get_experiment(store, experiment_id)
    record_outlines(store, [fresh])
    return fresh


def insert_experiments(store: Store, fresh: Sequence[Experiment]) -> None:
    """Create many experiments with their stages in few round trips; those whose id is taken stay as they are."""
    told = {one.id: [told_stage(one, stage) for stage in one.stages.values()] for one in fresh}
    insert_telling(store, "experiments", {one.id: (document(one), told[one.id]) for one in fresh})
    record_places(store, fresh)
    record_outlines(store, fresh)


@patient
def get_experiment(store: Store, experiment_id: str) -> Experiment:
    """The experiment with exactly this id.

    Raises:
        NotFound: there is none.
    """
    found = store.experiments.find_one({"_id": experiment_id})
    if found is None:
        raise NotFound(f"No experiment is called {experiment_id}: `archloop status` lists those that exist.")
    return Experiment.model_validate(found)


def write_stage(
    store: Store, experiment_id: str, stage: Stage, token: int, *, seen: Experiment | None = None, **patch: Any
) -> Experiment:
    """Record a finished stage together with what it changes in the experiment, in one atomic write.

    Writing a stage whose key is already recorded changes nothing and returns the experiment as it is. The event log is
    told in the same write.

    Args:
        stage: the record; its key is (stage, attempt, seed).
        token: the fencing token of the lease, or of the dispatch, under which the work was done.
        seen: the experiment as it was read last, under this token: unless it has changed since, it is not read again.
        patch: fields of Experiment to set in the same write.

    Raises:
        LeaseLost: another worker has claimed the experiment since.
        NotFound: there is no such experiment.
    """
    left: Told | None = None

    def change(now: Experiment) -> Document | None:
        nonlocal left
        left = None
        if stage.key in now.stages:
            return None
        if not now.admits(token):
            raise lease_lost(now, f"{stage.stage} result")
        spent = float(stage.summary.get("cpu_seconds", 0.0))
        return {
            f"stages.{stage.key}": stage.model_dump(),
            **patch,
            "reached": stage.stage,
            "seconds": now.seconds + stage.seconds,
            "cpu_seconds": now.cpu_seconds + spent,
        }

    def told(now: Experiment) -> Told:
        nonlocal left
        after = document(now) | plain(patch, experiment_id) | {"rev": now.rev + 1}
        left = told_stage(Experiment.model_validate(after), stage)
        return left

    known = seen if seen is not None and seen.admits(token) else None
    written = compare_and_set(store, experiment_id, change, told, known)
    if left is not None:
        pass_on(store, "experiments", experiment_id, left, written)
    else:
        settle(store, "experiments", experiment_id)  # whoever recorded the stage may have died before it was told
    return written


def lease_lost(now: Experiment, dropped: str = "") -> LeaseLost:
    """The fault of a worker whose fencing token an experiment does not admit; ``dropped`` is what it had to write."""
    loss = f": this worker's {dropped} is dropped" if dropped else ""
    return LeaseLost(f"{now.id} is now worked on by {now.lease.owner or 'nobody'}{loss}.")


def set_fields(store: Store, experiment_id: str, **fields: Any) -> Experiment:
    """Set fields that no stage owns (links such as the MLflow run). Idempotent."""
    return compare_and_set(store, experiment_id, lambda _: dict(fields))


@patient
def compare_and_set(
    store: Store,
    experiment_id: str,
    change: Callable[[Experiment], Document | None],
    told: Callable[[Experiment], Told | None] = lambda _: None,
    seen: Experiment | None = None,
) -> Experiment:
    """Apply ``change`` to the current experiment; when another writer was faster, look again and retry.

    ``change`` returns the dotted fields to set, or None to leave the experiment alone; ``told`` the event that waits in
    the experiment's outbox from that same write on. Retries may take minutes: what depends on the time asks the clock
    in ``change``. The first try is on ``seen``, the experiment as the caller has read it, if that is given; it is read
    again where it has changed since, and before it is left alone.
    """
    while True:
        known, seen = seen, None
        now = known or get_experiment(store, experiment_id)
        fields = change(now)
        if fields is None:
            if known is None:
                return now
            continue
        changed = plain(fields, experiment_id)
        event = told(now)
        outbox = telling(event) if event else {}
        done = store.experiments.update_one(
            {"_id": experiment_id, "rev": now.rev}, {"$set": changed, "$inc": {"rev": 1}, **outbox}
        )
        if done.matched_count:
            after = _with(now, changed)
            if "path" in fields:
                record_places(store, [after])  # written again with the analysis: a crash right here does no harm
            if not event and FIELDS & fields.keys():
                record_outlines(store, [after])  # else the outbox is settled next, which does it
            return after


def _with(now: Experiment, changed: Document) -> Experiment:
    """The experiment as an update of these dotted fields leaves it."""
    after = document(now) | {"rev": now.rev + 1}
    for name, value in changed.items():
        *outer, last = name.split(".", 1)
        inside = after[outer[0]] if outer else after
        inside[last] = value
    return Experiment.model_validate(after)
