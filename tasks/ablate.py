"""Stages of an ablation: the design's program without a component, and in the end what the component is worth.

In between it is checked, trained and benchmarked like any design. It gets no fitness of its own: it is no proposal, and
neither leaderboards nor fronts nor those who propose may take it for one. Its last stage is called ``analyze`` as a
design's is; no Analyst is asked, since the numbers say all.
"""

import time
from typing import Any

from archdb import (
    Analysed,
    Body,
    Experiment,
    Failed,
    Finding,
    Store,
    find_code,
    get_campaign,
    get_experiment,
    open_store,
    put_text,
    record_code,
    record_once,
    record_places,
)
from archdb.cognition import record_findings
from evaluation import ComponentEffect, Panel, component_effect
from tasks import tracking
from tasks.agents.desk import desk_of
from tasks.agents.providers import agents_of
from tasks.anchors import anchor_tags
from tasks.asked_ablations import ablations_of
from tasks.domain import domain_of
from tasks.effect_in_words import sentence
from tasks.peers import peer_with_source
from tasks.run_end import close_run
from tasks.stage import Outcome, run_stage, stage_task


@stage_task("codegen")
def knock_out(experiment_id: str, token: int) -> None:
    """Record the design's program without the component."""
    run_stage(experiment_id, token, "codegen", _knock_out, attempt=0)


@stage_task("analyze")
def tell_effect(experiment_id: str, token: int) -> None:
    """Close an ablation: the component's effect with its intervals, and a finding that cites both experiments."""
    after = run_stage(experiment_id, token, "analyze", _tell_effect, attempt=0)
    if after.mlflow_run:
        tracking.set_tags(after.mlflow_run, anchor_tags(open_store()))


def _knock_out(store: Store, experiment: Experiment) -> Outcome:
    design = get_experiment(store, experiment.parents[0])
    component = ablations_of(design)[experiment.id]
    kept = find_code(store, experiment.id, 0)
    if kept is None:
        campaign = get_campaign(store, experiment.campaign)
        engineer = agents_of(campaign.provider, desk_of(store, campaign, experiment)).engineer
        draft = engineer.knock_outs(peer_with_source(store, design)).get(component)
        if draft is None:
            return Outcome(failure=_gone(design, component))
        kept = record_code(store, draft.source, experiment, 0, "ablation", note=draft.note, components=draft.components)
    return Outcome(
        summary={"component": component, "note": kept.note}, patch={"code": kept.sha256, "components": kept.components}
    )


def _gone(design: Experiment, component: str) -> Failed:
    return Failed(
        stage="codegen",
        kind="no_knock_out",
        message=f"Nothing says any more how {component} is taken out of {design.id}.",
        remedy="Go on with the version of archloop that the analysis was written with.",
    )


def _tell_effect(store: Store, experiment: Experiment) -> Outcome:
    design, campaign = get_experiment(store, experiment.parents[0]), get_campaign(store, experiment.campaign)
    component = ablations_of(design)[experiment.id]
    summary: Body = {"component": component}
    scores: dict[str, float] = {}
    found, findings = None, []
    if experiment.failure is None:
        panel = Panel.model_validate(campaign.panel)
        found = component_effect(component, _objectives(design), _objectives(experiment), panel)
        objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
        titles = {name: one.title for name, one in objectives.items()}
        text = sentence(found, design.name, label(design, component), titles)
        findings = [_finding(design, experiment, found, text)]
        record_findings(store, findings)
        summary |= found.fitness.model_dump()
        scores = {f"effect/{name}": one.difference for name, one in found.objectives.items()}
        scores["effect/fitness"] = found.fitness.difference
    else:
        failure = experiment.failure
        text = f"{design.name} could not be tried without {component}: {failure.stage} failed. {failure.message}"
    if experiment.mlflow_run:
        close_run(store, experiment, text, scores)
    written, names = put_text(store, text), tuple(one.id for one in findings)
    record_once(
        store,
        Analysed(id=experiment.id, campaign=campaign.id, text=written, findings=names, created_at=time.time()),
    )
    record_places(store, [experiment])
    patch: dict[str, Any] = {"analysis": written}
    if experiment.state == "open":
        patch |= {"state": "done", "finished_at": time.time()}
    return Outcome(summary=summary | {"findings": list(names)}, report=found, patch=patch)


def label(design: Experiment, component: str) -> str:
    """A component as people read it: with its choice, where it is one of the design's slots."""
    choice = design.components.get(component)
    return component if choice is None else f"{component}={choice}"


def _finding(design: Experiment, experiment: Experiment, found: ComponentEffect, text: str) -> Finding:
    """What cannot be told from no effect steers nobody: it counts as zero."""
    less = experiment.components
    gone = [f"{slot}={choice}" for slot, choice in design.components.items() if less.get(slot) != choice]
    return Finding(
        id=f"{experiment.id}/finding-0",
        campaign=experiment.campaign,
        text=text,
        evidence=(design.id, experiment.id),
        components=tuple(gone),
        effect=found.fitness.difference if found.fitness.seen else 0.0,
        created_at=time.time(),
    )


def _objectives(experiment: Experiment) -> list[dict[str, float]]:
    """Of every seed, in order."""
    stages = [experiment.stage("benchmark", seed=seed) for seed in experiment.seeds]
    if any(one is None for one in stages):
        raise ValueError(f"{experiment.id} is not benchmarked on every seed: it has nothing to be compared with.")
    return [dict(one.summary["objectives"]) for one in stages if one is not None]
