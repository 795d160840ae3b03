"""From each version of the records to the next, forward only. A migration that was cut off is run again from its start:
every step writes under deterministic ids or sets what is missing.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import pymongo

from archdb.blobs import get_report
from archdb.budget import cost_of, settle, stage_operation
from archdb.designs import Analysed, CodeVersion, Origin, Proposed, record_components, record_once
from archdb.events import BATCH, UNIQUE, append_event
from archdb.front import offer
from archdb.outlines import record_outlines
from archdb.patience import patient
from archdb.records import Campaign, Experiment, Verified, document
from archdb.schema import (
    INDEX_SECONDS,
    VERSION,
    Schema,
    check_version,
    create_indexes,
    install,
    refuse_half_restored,
    store_version,
)
from archdb.store import Document, Store
from archdb.told import told_campaign, told_migration, told_panel, told_test
from archdb.tree import raise_branches, record_places

ORIGINS: Mapping[str, Origin] = {"baseline": "baseline", "external": "file", "verification": "verification"}


@patient
def migrate(store: Store, on_step: Callable[[int, int], None] = lambda *_: None) -> tuple[int, int]:
    """Bring the records to this version.

    Args:
        store: opened with :func:`archdb.store.connect`, since ``open_store`` refuses another version.
        on_step: called with the versions that a migration leads from and to, before it starts.

    Returns:
        The version found and the version now.

    Raises:
        StoreMisconfigured: the store is being restored, or that was cut off.
        StoreOutdated: a newer archloop wrote the records.
    """
    refuse_half_restored(store)
    found = store_version(store)
    first = VERSION if found is None else check_version(found.version, f"The store at {store.address}")
    for version in range(first, VERSION):
        on_step(version, version + 1)
        for step in MIGRATIONS[version]:
            step(store)
        said = document(Schema(version=version + 1, fingerprint=""))
        store.database["schema"].replace_one({"_id": "archdb"}, said, upsert=True)
    install(store)
    return first, VERSION


def _experiments(store: Store) -> Iterator[Experiment]:
    return chain.from_iterable(_batches(store))


def _batches(store: Store) -> Iterator[list[Experiment]]:
    ids = sorted(one["_id"] for one in store.database["experiments"].find({}, {"_id": 1}))
    for start in range(0, len(ids), BATCH):
        found = store.database["experiments"].find({"_id": {"$in": ids[start : start + BATCH]}})
        yield [Experiment.model_validate(one) for one in found]


def _with_unique_keys(store: Store) -> None:
    """The event log needs them before its first event."""
    for collection, key in UNIQUE.items():
        store.database[collection].create_index(key, unique=True)


def _with_events(store: Store) -> None:
    """Version 1 kept no log: what is found now is told, so that nothing changes unseen from here on."""
    for one in store.database["campaigns"].find({}):
        campaign = Campaign.model_validate(one)
        append_event(store, told_campaign(campaign))
        if campaign.panel is not None:
            append_event(store, told_panel(campaign.id, campaign.panel, campaign.reference_cpu_seconds))
    for one in store.database["experiments"].find({}):
        append_event(store, told_migration(Experiment.model_validate(one), one.get("stages", {})))
    for one in store.database["verified"].find({}):
        append_event(store, told_test(Verified.model_validate(one)))


def _with_design_records(store: Store) -> None:
    """Version 1 kept proposals, code and analyses in the experiment alone, of the code only the last attempt, and no
    account of what stages cost.
    """
    for one in _experiments(store):
        proposal = one.stage("propose", 0)
        if proposal is not None and proposal.report is not None:
            said: Document = get_report(store, proposal.report)["body"]
            record_once(
                store,
                Proposed(
                    id=one.id,
                    campaign=one.campaign,
                    reply=proposal.report,
                    created_at=proposal.started_at + proposal.seconds,
                    **_some(said, "name", "parents", "components", "query", "retrieved", "used"),
                ),
            )
        wrote = one.stage("codegen")
        if one.code is not None and wrote is not None:
            written: Origin = "repair" if one.attempt else "codegen"
            record_once(
                store,
                CodeVersion(
                    id=f"{one.id}:{one.attempt}",
                    experiment=one.id,
                    campaign=one.campaign,
                    attempt=one.attempt,
                    sha256=one.code,
                    origin=ORIGINS.get(one.kind, written),
                    note=str(wrote.summary.get("note", "")),
                    components=one.components,
                    created_at=wrote.started_at + wrote.seconds,
                ),
            )
        ended = one.stage("analyze", 0)
        if one.analysis is not None and ended is not None:
            record_once(
                store,
                Analysed(
                    id=one.id,
                    campaign=one.campaign,
                    text=one.analysis,
                    findings=tuple(ended.summary.get("findings", ())),
                    created_at=ended.started_at + ended.seconds,
                ),
            )
            record_components(store, one)
        for stage in one.stages.values():
            if cost_of(stage):
                settle(store, one.campaign, stage_operation(one.id, stage.key), cost_of(stage))


def _some(body: Document, *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


def _with_standings(store: Store) -> None:
    """Version 1 had no tree apart from the experiments, no bests of branches and no fronts. Fronts of costs begin with
    the next design: which directions are better is the domain's to say.
    """
    for one in _experiments(store):
        record_places(store, [one])
        raise_branches(store, one)
        if one.fitness is not None:
            offer(store, one, "gains", dict.fromkeys(sorted(one.gains), "higher"))


def _with_outlines(store: Store) -> None:
    """Versions 1 and 2 read whole experiments where outlines do, and did not sum up how long their stages took."""
    place = store.database["experiments"]
    for name, index in place.index_information().items():
        if dict(index["key"]) == {"campaign": 1, "fitness": -1}:
            with pymongo.timeout(INDEX_SECONDS):
                place.drop_index(name)
    create_indexes(store, "outlines")  # while it is empty, which is faster
    for batch in _batches(store):
        summed = [one.model_copy(update=_sums(one)) for one in batch]
        rows = [pymongo.UpdateOne({"_id": one.id}, {"$set": _sums(one)}) for one in batch if one.stages]
        if rows:
            place.bulk_write(rows, ordered=False)
        record_outlines(store, summed)


def _sums(one: Experiment) -> Document:
    last = max(one.stages.values(), key=lambda stage: stage.started_at, default=None)
    return {"reached": last.stage if last else "", "seconds": sum(stage.seconds for stage in one.stages.values())}


MIGRATIONS: Mapping[int, tuple[Callable[[Store], None], ...]] = {
    1: (_with_unique_keys, _with_design_records, _with_standings, _with_events),
    2: (_with_outlines,),
}
