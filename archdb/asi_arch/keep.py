"""Writing a release as a campaign. Everything has a deterministic id and is written once, so importing again adds what
is missing and changes nothing else.
"""

from collections.abc import Callable, Sequence

from archdb.asi_arch.release import Node, Release
from archdb.asi_arch.result import ORIGIN, SCORE, ImportedResult
from archdb.blobs import get_report, put_texts, report_text
from archdb.campaigns import open_campaign
from archdb.designs import CodeVersion, insert_codes
from archdb.experiments import insert_experiments, write_stage
from archdb.lineage import campaign_experiments
from archdb.records import Body, Campaign, Experiment, Record, Stage, stage_key
from archdb.store import Store

BATCH = 200
STAGE = "import"


class Imported(Record):
    """What an import wrote."""

    campaign: str
    added: int  # designs
    completed: int  # designs that were there, and got what an earlier copy of the release lacked
    differing: tuple[str, ...]  # ids of designs that were imported with another score or parent, and stay as they are


def import_release(
    store: Store, release: Release, campaign: str, on_progress: Callable[[int], None] | None = None
) -> Imported:
    """Keep a release as the campaign of this name.

    A stopped import leaves no child without its parent, and the next one goes on with it.

    Args:
        store: where.
        release: what was read.
        campaign: its name; created if there is none.
        on_progress: called with the number of designs looked at so far.

    Raises:
        Conflict: the campaign is one of this laboratory's own.
    """
    wanted = Campaign(id=campaign, scale="asi-arch", provider=ORIGIN, cycles=0, dataset=ORIGIN, ranked_by=SCORE)
    record = open_campaign(store, wanted)
    known = {one.id: one for one in campaign_experiments(store, campaign)}
    added, completed, differing = 0, 0, list[str]()
    for start in range(0, len(release.nodes), BATCH):
        nodes = release.nodes[start : start + BATCH]  # they come parents first
        records = _experiments(store, record, nodes)
        fresh = [one for one in records if one.id not in known]
        insert_experiments(store, fresh)
        insert_codes(store, _codes(records))
        added += len(fresh)
        for one in records:
            old = known.get(one.id)
            if old is None:
                continue
            if (old.objectives, old.path) != (one.objectives, one.path):
                differing.append(one.id)
            elif lacking := _lacking(old, one):
                again = one.stages[stage_key(STAGE)].model_copy(update={"attempt": old.attempt + 1})
                write_stage(store, one.id, again, old.lease.token, attempt=again.attempt, **lacking)
                completed += 1
        if on_progress is not None:
            on_progress(start + len(nodes))
    return Imported(campaign=campaign, added=added, completed=completed, differing=tuple(differing))


def imported_result(store: Store, experiment: Experiment) -> ImportedResult | None:
    """The published numbers of an imported design; None if it is none.

    Raises:
        NotFound: the stored report is missing or damaged.
    """
    stage = experiment.stage(STAGE)
    if stage is None or stage.report is None:
        return None
    return ImportedResult.model_validate(get_report(store, stage.report)["body"])


def _experiments(store: Store, campaign: Campaign, nodes: Sequence[Node]) -> list[Experiment]:
    """The records of some nodes. Their texts and reports are stored here, before anything refers to them."""
    texts: list[str] = []
    for one in nodes:
        texts.append(report_text(ImportedResult.__name__, one.result.version, one.result.model_dump(mode="json")))
        texts += [text for text in (one.program, one.motivation, one.summary) if text is not None]
    digests = dict(zip(texts, put_texts(store, texts), strict=True))
    at = campaign.created_at  # whenever the import was stopped and went on: the same record each time
    made = []
    for one in nodes:
        result = one.result
        report = digests[report_text(ImportedResult.__name__, result.version, result.model_dump(mode="json"))]
        summary: Body = {"index": result.index, "name": result.name, "gallery": result.gallery}
        if result.parameters is not None:
            summary["parameters"] = result.parameters
        stage = Stage(stage=STAGE, started_at=at, seconds=0.0, summary=summary, report=report)
        path = tuple(node_id(campaign.id, index) for index in one.path)
        made.append(
            Experiment(
                id=node_id(campaign.id, result.index),
                campaign=campaign.id,
                kind="imported",
                name=one.name,
                tags=("gallery",) if result.gallery else (),
                seeds=(),  # which one they trained with is not published
                parents=path[-1:],
                path=path,
                state="done",
                stages={stage.key: stage},
                code=None if one.program is None else digests[one.program],
                motivation=None if one.motivation is None else digests[one.motivation],
                analysis=None if one.summary is None else digests[one.summary],
                objectives={} if one.score is None else {SCORE: one.score},
                details=result.benchmarks,
                created_at=at,
            )
        )
    return made


def _codes(records: Sequence[Experiment]) -> list[CodeVersion]:
    return [
        CodeVersion(
            id=f"{one.id}:0",
            experiment=one.id,
            campaign=one.campaign,
            attempt=0,
            sha256=one.code,
            origin="import",
            created_at=one.created_at,
        )
        for one in records
        if one.code is not None
    ]


def node_id(campaign: str, index: int) -> str:
    """The id of a node's experiment."""
    return f"{campaign}-{index:04d}"


def _lacking(old: Experiment, new: Experiment) -> Body:
    """The fields that a fuller copy of the release brings, and an earlier one left empty."""
    found: Body = {
        field: getattr(new, field)
        for field in ("code", "motivation", "analysis")
        if getattr(old, field) is None and getattr(new, field) is not None
    }
    if "gallery" in new.tags and "gallery" not in old.tags:
        found |= {"tags": new.tags, "details": new.details}
    return found
