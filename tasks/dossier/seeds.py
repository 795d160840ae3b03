"""Each trained seed of an experiment: its scores from the losses in its report, and what is stored of them."""

from collections.abc import Mapping

from archdb import Experiment, Stage
from evaluation import BenchmarkReport, CheckReport, TrainReport
from tasks.benchmark import mean_over_seeds
from tasks.dossier.judging import Judgement
from tasks.dossier.trace import Trace

Scores = dict[str, float]
OF_A_CHECK = ("parameters", "mixer_parameters", "mlp_hidden", "cpu_seconds")
OF_A_TRAINING = ("parameters", "tokens", "cpu_seconds", "wall_seconds", "peak_bytes", "weights_sha256")


def seeds_of(trace: Trace, one: Experiment, judgement: Judgement) -> list[Scores]:
    """The objectives of each seed of an experiment, recomputed; empty unless all seeds are scored.

    What the experiment stores of its seeds, and the means over them, is compared on the way.
    """
    checks = {stage.attempt: stage for stage in one.stages.values() if stage.stage == "compile-check"}
    for stage in checks.values():
        report = trace.report(one, stage, CheckReport, judgement)
        if report is not None:
            _same_fields(one, stage, report, OF_A_CHECK, judgement)
            claimed = trace.domain.claims(report.costs)
            judgement.agree(one.id, f"efficiency in {stage.key}", stage.summary.get("efficiency", {}), claimed)
    rows = [_seed(trace, one, seed, checks.get(one.attempt), judgement) for seed in one.seeds]
    told = [row for row in rows if row is not None]
    if len(told) == len(one.seeds):
        for name in ("objectives", "details", "efficiency"):
            judgement.agree(one.id, name, getattr(one, name), mean_over_seeds([row[name] for row in told]))
    elif one.objectives:
        judgement.differ(f"{one.id} has objectives, but only {len(told)} of its {len(one.seeds)} seeds have results.")
    spent = [float(stage.summary.get("cpu_seconds", 0.0)) for stage in one.stages.values()]
    judgement.agree(one.id, "cpu_seconds", one.cpu_seconds, float(sum(spent)))
    judgement.agree(one.id, "seconds", one.seconds, float(sum(stage.seconds for stage in one.stages.values())))
    return [row["objectives"] for row in told] if len(told) == len(one.seeds) else []


def held_out_seeds(trace: Trace, one: Experiment, judgement: Judgement) -> list[Scores]:
    """The objectives of each seed on the sealed split, recomputed; empty unless all seeds are scored there."""
    found = []
    for seed in one.seeds:
        stage = one.stage("hold-out", seed=seed)
        report = trace.report(one, stage, BenchmarkReport, judgement) if stage is not None else None
        if stage is not None and report is not None and stage.failure is None:
            found.append(_scores(trace, one, stage, report, judgement))
    return found if len(found) == len(one.seeds) else []


def _seed(
    trace: Trace, one: Experiment, seed: int, checked: Stage | None, judgement: Judgement
) -> dict[str, Scores] | None:
    trained, scored = one.stage("gpu-train", seed=seed), one.stage("benchmark", seed=seed)
    training = trace.report(one, trained, TrainReport, judgement) if trained is not None else None
    if trained is not None and training is not None:
        _same_fields(one, trained, training, OF_A_TRAINING, judgement)
        judgement.agree(one.id, f"seed in {trained.key}", training.seed, trained.seed)
    if scored is None:
        return None
    report = trace.report(one, scored, BenchmarkReport, judgement)
    if report is None or scored.failure is not None:
        return None
    objectives = _scores(trace, one, scored, report, judgement)
    measuring = report.efficiency.cpu_seconds if report.efficiency is not None else 0.0
    judgement.agree(
        one.id, f"cpu_seconds in {scored.key}", scored.summary.get("cpu_seconds"), report.cpu_seconds + measuring
    )
    judgement.agree(one.id, f"details in {scored.key}", scored.summary.get("details"), report.details)
    efficiency: Scores = dict(checked.summary.get("efficiency", {})) if checked is not None else {}
    if training is not None:
        judgement.agree(one.id, f"weights in {scored.key}", report.weights_sha256, training.weights_sha256)
        efficiency |= trace.domain.of_training(training.tokens, training.cpu_seconds, training.peak_bytes)
    if report.efficiency is not None:
        efficiency |= report.efficiency.numbers
    judgement.agree(one.id, f"efficiency in {scored.key}", scored.summary.get("efficiency"), efficiency)
    return {"objectives": objectives, "details": dict(report.details), "efficiency": efficiency}


def _scores(trace: Trace, one: Experiment, stage: Stage, report: BenchmarkReport, judgement: Judgement) -> Scores:
    split = "holdout" if stage.stage == "hold-out" else "validation"
    told = {"scale": report.scale, "seed": report.seed, "split": report.split}
    judgement.agree(one.id, f"{stage.key}", told, {"scale": trace.campaign.scale, "seed": stage.seed, "split": split})
    objectives = dict(report.objectives)
    recompute = getattr(trace.domain, "objectives_from", None)
    if recompute is not None:
        try:
            objectives = recompute(trace.campaign.scale, report.details)
        except ValueError as fault:
            judgement.differ(f"The scores in {stage.key} of {one.id} cannot be recomputed: {fault}")
    judgement.agree(one.id, f"objectives in the report of {stage.key}", report.objectives, objectives)
    judgement.agree(one.id, f"objectives in {stage.key}", stage.summary.get("objectives"), objectives)
    return objectives


def _same_fields(
    one: Experiment,
    stage: Stage,
    report: CheckReport | TrainReport,
    names: tuple[str, ...],
    judgement: Judgement,
) -> None:
    """The summary that tables show says what the report says, and both ended alike."""
    told: Mapping[str, object] = {name: getattr(report, name) for name in names if name in stage.summary}
    judgement.agree(one.id, f"{stage.key}", {name: stage.summary[name] for name in told}, told)
    ended = report.failure.kind if report.failure is not None else None
    judgement.agree(one.id, f"failure in {stage.key}", stage.failure.kind if stage.failure else None, ended)
