"""Stage ``codegen``: the Engineer writes the design's file, and repairs it when the checks reject it."""

from collections.abc import Mapping
from typing import Any

from archdb import (
    CodeVersion,
    Experiment,
    Kind,
    Origin,
    Store,
    code_versions,
    find_code,
    get_campaign,
    get_experiment,
    get_report,
    get_text,
    record_code,
)
from tasks.agents.desk import desk_of
from tasks.agents.protocols import Complaint, Draft, Engineer, Peer, Proposal, Rejected
from tasks.agents.providers import agents_of
from tasks.novelty import COUNTED, duplicate, judge, keep_fingerprint
from tasks.peers import peer, peer_with_source
from tasks.stage import Outcome, run_stage, stage_task

MOST_REPAIRS = 3
ADOPTED: Mapping[Kind, Origin] = {"baseline": "baseline", "external": "file", "verification": "verification"}


@stage_task("codegen")
def codegen(experiment_id: str, token: int) -> None:
    """Record the source of the first attempt."""
    run_stage(experiment_id, token, "codegen", _write, attempt=0)


@stage_task("repair")
def repair(experiment_id: str, token: int, attempt: int) -> None:
    """Record the source of a later attempt, or that the Engineer gives up, which fails the experiment.

    ``attempt`` is the number of the new attempt; it advances here and nowhere else.
    """
    run_stage(experiment_id, token, "codegen", lambda store, now: _repair(store, now, attempt), attempt=attempt)


@stage_task("codegen")
def adopt(experiment_id: str, token: int, source: str) -> None:
    """Record a source that nobody has to write: a baseline's, or a file that a person handed in."""

    def keep(store: Store, experiment: Experiment) -> Outcome:
        components = _engineer(store, experiment).components(peer(experiment, source))
        kept = record_code(store, source, experiment, 0, ADOPTED[experiment.kind], components=components)
        if experiment.kind in COUNTED:
            keep_fingerprint(store, experiment, kept)  # what later designs are compared with
        return Outcome(
            summary={"lines": source.count("\n")}, patch={"code": kept.sha256, "components": kept.components}
        )

    run_stage(experiment_id, token, "codegen", keep, attempt=0)


def _write(store: Store, experiment: Experiment) -> Outcome:
    kept = find_code(store, experiment.id, 0)
    if kept is None:
        draft = _engineer(store, experiment).write(_proposal(store, experiment), _parents(store, experiment))
        kept = _keep(store, experiment, draft, 0, "codegen")
    return _drafted(store, experiment, kept)


def _repair(store: Store, experiment: Experiment, attempt: int) -> Outcome:
    rejected = experiment.stage("compile-check", attempt - 1)
    if rejected is None or rejected.failure is None or experiment.code is None:
        raise ValueError(f"{experiment.id} has no rejected attempt {attempt - 1} to repair.")
    complaint = Complaint(
        kind=rejected.failure.kind,
        message=rejected.failure.message,
        remedy=rejected.failure.remedy,
        source=get_text(store, experiment.code),
        attempt=attempt - 1,
        earlier=_earlier(store, experiment, attempt - 1),
    )
    kept = find_code(store, experiment.id, attempt)
    if kept is None and attempt <= MOST_REPAIRS and experiment.kind == "candidate":
        draft = _engineer(store, experiment).repair(
            _proposal(store, experiment), complaint, _parents(store, experiment)
        )
        kept = _keep(store, experiment, draft, attempt, "repair") if draft else None
    if kept is None:
        return Outcome(summary={"gave_up": True}, failure=rejected.failure)
    return _drafted(store, experiment, kept)


def _keep(store: Store, experiment: Experiment, draft: Draft, attempt: int, origin: Origin) -> CodeVersion:
    """Record what the Engineer wrote before it is used: nobody is asked, or paid, twice."""
    return record_code(store, draft.source, experiment, attempt, origin, note=draft.note, components=draft.components)


def _drafted(store: Store, experiment: Experiment, kept: CodeVersion) -> Outcome:
    """The version as the experiment's current one, which fails here if the campaign had this very program before."""
    found = judge(store, experiment, kept)
    patch: dict[str, Any] = {"attempt": kept.attempt, "code": kept.sha256}
    if kept.components:
        patch["components"] = kept.components
    summary = {"lines": get_text(store, kept.sha256).count("\n"), "note": kept.note, "novelty": found.model_dump()}
    return Outcome(summary=summary, failure=duplicate(store, found), patch=patch)


def _engineer(store: Store, experiment: Experiment) -> Engineer:
    campaign = get_campaign(store, experiment.campaign)
    return agents_of(campaign.provider, desk_of(store, campaign, experiment)).engineer


def _earlier(store: Store, experiment: Experiment, before: int) -> tuple[Rejected, ...]:
    """The versions before an attempt that the checks have rejected."""
    found = []
    for one in code_versions(store, experiment.id):
        rejected = experiment.stage("compile-check", one.attempt)
        if one.attempt < before and rejected is not None and rejected.failure is not None:
            failure = rejected.failure
            found.append(Rejected(source=get_text(store, one.sha256), kind=failure.kind, message=failure.message))
    return tuple(found)


def _proposal(store: Store, experiment: Experiment) -> Proposal:
    stage = experiment.stage("propose", 0)
    if stage is None or stage.report is None:
        raise ValueError(f"{experiment.id} has no proposal to write code for.")
    return Proposal.model_validate(get_report(store, stage.report)["body"])


def _parents(store: Store, experiment: Experiment) -> tuple[Peer, ...]:
    return tuple(peer_with_source(store, get_experiment(store, one)) for one in experiment.parents)
