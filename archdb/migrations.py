"""From each version of the records to the next, forward only. A migration that was cut off is run again from its start:
every step writes under deterministic ids or sets what is missing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from archdb.blobs import get_report
from archdb.designs import Analysed, CodeVersion, Origin, Proposed, record_components, record_once
from archdb.front import offer
from archdb.patience import patient
from archdb.records import Experiment, document
from archdb.schema import VERSION, Schema, install, store_version
from archdb.store import Document, Store
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
    """
    found = store_version(store)
    first = VERSION if found is None else found.version
    for version in range(first, VERSION):
        on_step(version, version + 1)
        MIGRATIONS[version](store)
        said = document(Schema(version=version + 1, fingerprint=""))
        store.database["schema"].replace_one({"_id": "archdb"}, said, upsert=True)
    install(store)
    return first, VERSION


def _experiments(store: Store) -> Iterator[Experiment]:
    for one in store.database["experiments"].find({}):
        yield Experiment.model_validate(one)


def _with_design_records(store: Store) -> None:
    """Version 1 kept proposals, code and analyses in the experiment alone, and of the code only the last attempt."""
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


def _to_version_2(store: Store) -> None:
    _with_design_records(store)
    _with_standings(store)


MIGRATIONS: Mapping[int, Callable[[Store], None]] = {1: _to_version_2}
