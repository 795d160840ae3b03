"""The end of a design's MLflow run: its program and what that changed, texts, reports, gains, cost, its writers."""

import difflib
import json
from collections.abc import Mapping

from archdb import Experiment, ModelCall, Store, get_campaign, get_experiment, get_texts, list_calls
from tasks import tracking
from tasks.anchors import anchor_tags
from tasks.run_contents import tell_training

PROGRAM, DIFFERENCE, MOTIVATION = "design/candidate.py", "design/parent.diff", "design/motivation.md"
NOTE = "mlflow.note.content"  # what MLflow shows as a run's description
SOURCE = {"mlflow.source.name": PROGRAM, "mlflow.source.type": "LOCAL"}
MOST_NOTE = 3000  # signs of a motivation in a description


def close_run(store: Store, experiment: Experiment, text: str, scores: Mapping[str, float]) -> None:
    """End an experiment's MLflow run with its code, texts, reports and last scores.

    Args:
        store: where its texts and reports are.
        experiment: with the fitness and gains that it has now.
        text: the analysis.
        scores: metric -> value, such as fitness and gains.
    """
    run = experiment.mlflow_run or ""
    parent = get_experiment(store, experiment.parents[0]) if experiment.parents else None
    calls = list_calls(store, experiment.id)
    if experiment.failure is not None:  # a failed design's stages are not gone through again after a crash
        for seed in experiment.seeds:
            tell_training(store, experiment, seed)
    texts = _texts(store, experiment, parent, text)
    for path, told in texts.items():
        tracking.log_text(run, told, path)
    ended = max((stage.started_at + stage.seconds for stage in experiment.stages.values()), default=0.0)
    tracking.log_scores(run, {**scores, **_steps(experiment, parent), **_costs(experiment, calls)}, ended)
    if calls:
        tracking.link_traces(run, get_campaign(store, experiment.campaign), experiment)
    tags = _tags(experiment, parent, calls, texts.get(MOTIVATION, "")) | anchor_tags(store)
    tracking.finish_run(run, ended, failed=experiment.failure is not None, tags=tags)


def _texts(store: Store, experiment: Experiment, parent: Experiment | None, text: str) -> dict[str, str]:
    """Artifact -> its text."""
    wanted = {
        PROGRAM: experiment.code,
        MOTIVATION: experiment.motivation,
        "before": parent.code if parent and experiment.code else None,
    }
    wanted |= {f"reports/{one.key.replace(':', '-')}.json": one.report for one in experiment.stages.values()}
    known = {name: digest for name, digest in wanted.items() if digest}
    found = dict(zip(known, get_texts(store, list(known.values())), strict=True))
    if parent is not None and "before" in found:
        found[DIFFERENCE] = _diff(parent, found.pop("before"), experiment, found[PROGRAM])
    reports = {name: json.dumps(json.loads(told), indent=1) for name, told in found.items() if name.endswith(".json")}
    return {"analysis.md": text, **found, **reports}


def _diff(parent: Experiment, old: str, experiment: Experiment, new: str) -> str:
    before, after = (f"{one.id} {one.name}" for one in (parent, experiment))
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), before, after, lineterm="")) + "\n"


def _steps(experiment: Experiment, parent: Experiment | None) -> dict[str, float]:
    """What the step from the parent moved: differences of fitness and gains, and ratios of what the designs cost."""
    if parent is None or parent.campaign != experiment.campaign:
        return {}  # other panels and other machines do not compare
    found = {}
    if experiment.fitness is not None and parent.fitness is not None:
        found["step/fitness"] = experiment.fitness - parent.fitness
    for name, gain in experiment.gains.items():
        if name in parent.gains:
            found[f"step/gain/{name}"] = gain - parent.gains[name]
    for name, value in experiment.efficiency.items():
        if parent.efficiency.get(name):
            found[f"step/efficiency/{name}"] = value / parent.efficiency[name]
    return found


def _costs(experiment: Experiment, calls: list[ModelCall]) -> dict[str, float]:
    """What the design has cost in all."""
    found = {"cost/cpu_seconds": experiment.cpu_seconds}
    if calls:
        found["cost/tokens"] = float(sum(one.prompt_tokens + one.completion_tokens for one in calls))
        known = [one.dollars for one in calls if one.dollars is not None]
        found |= {"cost/dollars": sum(known)} if known else {}
    return found


def _tags(experiment: Experiment, parent: Experiment | None, calls: list[ModelCall], motivation: str) -> dict[str, str]:
    failure = experiment.failure
    tags = {"archloop.state": "failed" if failure else "done", "archloop.name": experiment.name, **SOURCE}
    if failure:
        tags["archloop.failure"] = f"{failure.stage}: {failure.kind}: {failure.message}"
    if parent is not None:
        tags["archloop.changed"] = changed(parent, experiment)
    if motivation:
        tags[NOTE] = motivation[:MOST_NOTE]
    models = {one.role: one.model for one in calls if one.model}
    return tags | {f"archloop.model.{role}": model for role, model in models.items()}


def changed(parent: Experiment, experiment: Experiment) -> str:
    """The slots in which a design differs from its parent, each with both choices."""
    before, after = parent.components, experiment.components
    slots = sorted(slot for slot in before.keys() | after.keys() if before.get(slot) != after.get(slot))
    return "; ".join(f"{slot}: {before.get(slot, 'none')} -> {after.get(slot, 'none')}" for slot in slots)
