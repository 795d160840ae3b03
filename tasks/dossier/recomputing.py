"""From raw results to the leaderboard: every number that a campaign stores is computed again and compared.

What follows from a number is computed from the recomputed one, never from the stored one.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from archdb import Body, Experiment
from evaluation import ComponentEffect, Fitness, Panel, component_effect
from tasks.asked_ablations import ablations_of
from tasks.dossier.board import board_of
from tasks.dossier.judging import Judgement
from tasks.dossier.seeds import Scores, seeds_of
from tasks.dossier.tests_again import test_again
from tasks.dossier.trace import Trace

RANKED = ("baseline", "candidate", "external")  # what gets a fitness


def recompute(trace: Trace, judgement: Judgement) -> list[Body]:
    """Recompute everything. Returns the leaderboard that raw results give, empty where they give none."""
    scores = {name: seeds_of(trace, one, judgement) for name, one in trace.experiments.items()}
    panel = _panel(trace, scores, judgement)
    if panel is None:
        return []
    try:
        for one in trace.experiments.values():
            if one.kind in RANKED:
                _fitness(trace, one, scores[one.id], panel, judgement)
            elif one.kind == "ablation":
                _effect(trace, one, scores, panel, judgement)
        tests = test_again(trace, scores, panel, judgement)
        ranked = {one.id: scores[one.id] for one in trace.experiments.values() if _is_ranked(one)}
        return board_of(trace.domain, panel, ranked, tests)
    except ValueError as fault:  # a number is so far off that nothing can be computed
        judgement.differ(f"The leaderboard cannot be recomputed: {fault}")
        return []


def _is_ranked(one: Experiment) -> bool:
    return one.kind in RANKED and one.stage("analyze", 0) is not None


def _panel(trace: Trace, scores: Mapping[str, Sequence[Scores]], judgement: Judgement) -> Panel | None:
    """What gains are measured against: the reference's seeds, and the mean of each baseline."""
    campaign, stored = trace.campaign, trace.campaign.panel or {}
    baselines = [one for one in trace.experiments.values() if one.kind == "baseline" and scores[one.id]]
    reference = next((one for one in baselines if "reference" in one.tags), None)
    if reference is None:
        judgement.differ(f"{campaign.id} has no reference with results, so that no gain can be recomputed.")
        return None
    seeds = scores[reference.id]
    told: Body = {
        "reference": {name: [seed[name] for seed in seeds] for name in seeds[0]},
        "baselines": {
            one.name: {name: fmean(seed[name] for seed in scores[one.id]) for name in scores[one.id][0]}
            for one in baselines
        },
    }
    judgement.agree(campaign.id, "panel", stored, told)
    trainings = [reference.stage("gpu-train", seed=seed) for seed in reference.seeds]
    spent = [float(stage.summary["cpu_seconds"]) for stage in trainings if stage is not None]
    judgement.agree(campaign.id, "reference_cpu_seconds", campaign.reference_cpu_seconds, fmean(spent))
    return Panel.model_validate(told)


def _fitness(trace: Trace, one: Experiment, seeds: Sequence[Scores], panel: Panel, judgement: Judgement) -> None:
    closed = one.stage("analyze", 0)
    if closed is None:
        return
    if not seeds:
        judgement.agree(one.id, "fitness", one.fitness, None)
        return
    found = trace.domain.fitness({name: fmean(seed[name] for seed in seeds) for name in seeds[0]}, panel)
    judgement.agree(one.id, "fitness", one.fitness, found.value)
    judgement.agree(one.id, "gains", one.gains, {name: gain.normalised for name, gain in found.gains.items()})
    report = trace.report(one, closed, Fitness, judgement)
    if report is not None:
        judgement.agree(one.id, "report of fitness", report.model_dump(), found.model_dump())


def _effect(
    trace: Trace, one: Experiment, scores: Mapping[str, Sequence[Scores]], panel: Panel, judgement: Judgement
) -> None:
    """What the design is worth against itself without a component."""
    closed = one.stage("analyze", 0)
    design = trace.experiments.get(one.parents[0]) if one.parents else None
    if closed is None or closed.report is None:
        return
    if design is None or not scores[one.id] or not scores[design.id]:
        judgement.differ(f"The effect that {one.id} tells cannot be recomputed: results of one side are missing.")
        return
    report = trace.report(one, closed, ComponentEffect, judgement)
    if report is not None:
        component = ablations_of(design).get(one.id, report.component)
        found = component_effect(component, scores[design.id], scores[one.id], panel)
        judgement.agree(one.id, "effect", report.model_dump(), found.model_dump())
        judgement.agree(one.id, "summary of the effect", _of(closed.summary, found), found.fitness.model_dump())


def _of(summary: Body, found: ComponentEffect) -> Body:
    return {name: summary.get(name) for name in found.fitness.model_dump()}
