"""What the event log is told of campaigns, stages, take-overs and tests: small, flat, and hashes of the rest."""

from archdb.events import Told, sha256_of
from archdb.records import Body, Campaign, Experiment, Stage, Verified, document

SETTINGS = ("scale", "provider", "seed", "domain", "dataset")  # of a campaign, as they are
TOLD_LATER = ("model", "sampler", "ablations", "parents_from", "ranked_by")  # events of older versions lack these
LASTING = (  # fields of an experiment that nothing but a stage changes
    "campaign", "kind", "cycle", "name", "tags", "seeds", "parents", "path", "attempt", "code", "motivation",
    "analysis", "components", "objectives", "details", "efficiency", "gains", "fitness", "failure",
)  # fmt: skip


def told_campaign(campaign: Campaign) -> Told:
    """A campaign was opened, with these settings and this data."""
    stored: Body = document(campaign)
    body = {name: stored[name] for name in (*SETTINGS, *TOLD_LATER)} | {
        "cycles": campaign.cycles,
        "baselines": ", ".join(campaign.further_baselines),
        "environment": sha256_of(campaign.environment),
    }
    if campaign.families:
        body["families"] = ", ".join(campaign.families)
    if campaign.cassette:
        body["cassette"] = campaign.cassette
    if campaign.approvals:
        body |= {"approvals": campaign.approvals, "approvers": ", ".join(campaign.approvers)}
    if campaign.forked_from:
        body |= {"forked_from": campaign.forked_from, "forked": ", ".join(campaign.forked)}
    return Told(kind="campaign", key=f"campaign/{campaign.id}", campaign=campaign.id, body=body)


def told_extension(campaign: str, cycles: int) -> Told:
    """A campaign got more cycles."""
    return Told(kind="extended", key=f"extended/{campaign}/{cycles}", campaign=campaign, body={"cycles": cycles})


def told_caps(campaign: str, caps: Body, nonce: str) -> Told:
    """What a campaign may spend was set or raised, in the ledger's units."""
    return Told(kind="caps", key=f"caps/{campaign}/{nonce}", campaign=campaign, body=dict(caps))


def told_panel(campaign: str, panel: Body, reference_cpu_seconds: float | None) -> Told:
    """It was fixed what fitness is measured against."""
    body = {"panel": sha256_of(panel), "reference_cpu_seconds": reference_cpu_seconds}
    return Told(kind="panel", key=f"panel/{campaign}", campaign=campaign, body=body)


def told_stage(after: Experiment, stage: Stage) -> Told:
    """A stage was recorded, which left the experiment as it is ``after``."""
    body = {
        "stage": stage.stage,
        "attempt": stage.attempt,
        "seed": stage.seed,
        "sha256": sha256_of(stage),
        "rev": after.rev,
        "fields": lasting(after),
        "code": after.code,
        "report": stage.report,
        "failure": stage.failure.kind if stage.failure else None,
    }
    if stage.stage == "analyze":
        body |= {"fitness": after.fitness, "objectives": sha256_of(after.objectives)}
    return Told(kind="stage", key=f"stage/{after.id}/{stage.key}", campaign=after.campaign, subject=after.id, body=body)


def told_takeover(before: Experiment) -> Told:
    """The lease of a dead or silent holder was taken over."""
    token = before.lease.token + 1
    return Told(
        kind="takeover",
        key=f"takeover/{before.id}/{token}",
        campaign=before.campaign,
        subject=before.id,
        body={"holder": before.lease.owner, "token": token},
    )


def told_test(one: Verified) -> Told:
    """A design was tested on fresh seeds."""
    return _of_test(one, "verified", "breakthrough")


def told_promotion(one: Verified) -> Told:
    """The sealed hold-out decided on a breakthrough."""
    return _of_test(one, "promoted", "promoted")


def _of_test(one: Verified, kind: str, decided: str) -> Told:
    body = {"number": one.number, "baseline": one.baseline, "sha256": sha256_of(one.result)}
    verdict = one.result.get(decided)
    return Told(
        kind=kind,
        key=f"{kind}/{one.id}",
        campaign=one.campaign,
        subject=one.experiment,
        body=body | {decided: verdict if isinstance(verdict, bool) else None},
    )


def told_migration(one: Experiment, stages: Body) -> Told:
    """An experiment of a version without a log, with its stages as they are stored: from here on it is known."""
    body = {"stages": len(stages), "sha256": sha256_of(stages), "rev": one.rev, "fields": lasting(one)}
    return Told(kind="migrated", key=f"migrated/{one.id}", campaign=one.campaign, subject=one.id, body=body)


def lasting(one: Experiment) -> str:
    """The digest of those fields that nothing but a stage changes."""
    stored: Body = document(one)
    return sha256_of({name: stored[name] for name in LASTING})
