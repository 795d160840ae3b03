"""Stage ``analyze``: fitness is computed, the Analyst says what was learned, and later cycles can retrieve it."""

import time
from collections.abc import Mapping
from typing import Any

from archdb import (
    Analysed,
    Campaign,
    Experiment,
    Finding,
    Store,
    get_campaign,
    get_experiment,
    open_store,
    put_text,
    record_components,
    record_once,
)
from archdb.cognition import record_findings
from evaluation import Fitness, Panel
from tasks import tracking
from tasks.agents.desk import desk_of
from tasks.agents.protocols import Analysis, Peer
from tasks.agents.protocols import Outcome as Explained
from tasks.agents.providers import agents_of
from tasks.anchors import anchor_tags
from tasks.asked_ablations import asked_for, open_ablations, possible
from tasks.domain import domain_of
from tasks.foresight import noise_of
from tasks.peers import component_gains, peer_with_source, population
from tasks.run_end import close_run
from tasks.stage import Outcome, run_stage, stage_task
from tasks.standing import record_standing


@stage_task("analyze")
def analyze(experiment_id: str, token: int) -> None:
    """Close an experiment: fitness, analysis, findings, and the MLflow run's last tags.

    The run is anchored twice: when it is closed, and once more when the event log has this very stage.
    """
    after = run_stage(experiment_id, token, "analyze", _analyze, attempt=0)
    if after.mlflow_run:
        tracking.set_tags(after.mlflow_run, anchor_tags(open_store()))


def _analyze(store: Store, experiment: Experiment) -> Outcome:
    campaign = get_campaign(store, experiment.campaign)
    scored = score(campaign, experiment)
    if scored is not None:
        gains = {name: gain.normalised for name, gain in scored.gains.items()}
        experiment = experiment.model_copy(update={"fitness": scored.value, "gains": gains})
    objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
    ablations: dict[str, str] = {}
    if repeated(experiment):
        analysis = Analysis(text=experiment.failure.message if experiment.failure else "")
    else:
        agents = agents_of(campaign.provider, desk_of(store, campaign, experiment))
        design, parents = peer_with_source(store, experiment), _parents(store, experiment)
        able = possible(campaign, experiment, agents.engineer, design, parents)
        analysis = agents.analyst.analyze(
            Explained(
                campaign=campaign.id,
                design=design,
                parents=parents,
                population=population(store, campaign.id),
                noise=noise_of(campaign) if scored is not None else {},
                objective_titles={name: one.title for name, one in objectives.items()},
                gains=component_gains(store, campaign.id, besides=experiment),
                knock_outs=tuple(able),
                most_ablations=campaign.ablations,
            )
        )
        ablations = asked_for(campaign, experiment.id, analysis.ablations, able)
        analysis = _with_ablations(analysis, ablations)
    findings = findings_of(experiment.id, campaign.id, analysis)
    record_findings(store, findings)
    if experiment.mlflow_run:
        scores = {"fitness": scored.value} | {f"gain/{name}": one for name, one in gains.items()} if scored else {}
        close_run(store, experiment, analysis.text, scores)
    text = put_text(store, analysis.text)
    names = tuple(finding.id for finding in findings)
    kept = record_once(
        store,
        Analysed(
            id=experiment.id,
            campaign=campaign.id,
            text=text,
            findings=names,
            ablations=ablations,
            created_at=time.time(),
        ),
    )
    open_ablations(store, experiment, kept.ablations)  # of a first try that was killed, if there was one
    if not repeated(experiment):
        record_components(store, experiment)
    record_standing(store, experiment, domain_of(campaign.domain))
    patch: dict[str, Any] = {"analysis": kept.text}
    if experiment.state == "open":
        patch |= {"state": "done", "finished_at": time.time()}
    if scored is not None:
        patch |= {"fitness": scored.value, "gains": experiment.gains}
    summary = {"findings": list(names)} | ({"ablations": kept.ablations} if kept.ablations else {})
    return Outcome(summary=summary, report=scored, patch=patch)


def _parents(store: Store, experiment: Experiment) -> tuple[Peer, ...]:
    return tuple(peer_with_source(store, get_experiment(store, one)) for one in experiment.parents)


def _with_ablations(analysis: Analysis, ablations: Mapping[str, str]) -> Analysis:
    if not ablations:
        return analysis
    told = f"To be knocked out, at equal parameters and on the same seeds: {', '.join(ablations.values())}."
    return analysis.model_copy(update={"text": f"{analysis.text}\n\n{told}"})


def findings_of(experiment: str, campaign: str, analysis: Analysis) -> list[Finding]:
    """The lessons of an analysis as the cognition base keeps them."""
    return [
        Finding(
            id=f"{experiment}/finding-{index}",
            campaign=campaign,
            text=lesson.text,
            evidence=lesson.evidence,
            components=lesson.components,
            effect=lesson.effect,
            objective=lesson.objective,
            created_at=time.time(),
        )
        for index, lesson in enumerate(analysis.lessons)
    ]


def repeated(experiment: Experiment) -> bool:
    """Whether the design was refused because its program was there before: that says nothing about its choices."""
    return experiment.failure is not None and experiment.failure.kind == "duplicate"


def score(campaign: Campaign, experiment: Experiment) -> Fitness | None:
    """The experiment's fitness against the campaign's panel; None if it has no objectives."""
    if not experiment.objectives or campaign.panel is None:
        return None
    return domain_of(campaign.domain).fitness(experiment.objectives, Panel.model_validate(campaign.panel))
