"""What a design's MLflow run holds while it is evaluated, read from what was recorded: a second time adds nothing."""

from statistics import stdev

from archdb import Experiment, Stage, Store, get_campaign, get_report
from tasks import tracking
from tasks.domain import domain_of
from tasks.run_inputs import inputs_of

LEAST_SEEDS = 2  # for a deviation


def tell_training(store: Store, experiment: Experiment, seed: int) -> None:
    """Write a recorded training: settings, components, data, and the streamed curves."""
    run, stage = experiment.mlflow_run, experiment.stage("gpu-train", seed=seed)
    if not run or stage is None or stage.report is None:
        return
    campaign, report = get_campaign(store, experiment.campaign), get_report(store, stage.report)["body"]
    told = {name: report[name] for name in ("parameters", "mlp_hidden", "tokens") if report[name]}
    tracking.log_parameters(run, {"scale": campaign.scale} | told | components(experiment))
    tracking.log_inputs(run, inputs_of(domain_of(campaign.domain).scale(campaign.scale), report["corpus"], seed))
    tracking.log_curves(run, report["curves"], seed, report["started_at"], report["wall_seconds"])
    tracking.log_scores(run, {"train/cpu_seconds": report["cpu_seconds"]}, _end(stage), seed=seed)


def components(experiment: Experiment) -> dict[str, str]:
    """The parameters that say what a design is made of: one a slot, and all of them in a line."""
    made = experiment.components
    slots = {f"slot.{slot}": choice for slot, choice in made.items()}
    return slots | {"components": "; ".join(f"{slot}={made[slot]}" for slot in sorted(made))}


def tell_scores(experiment: Experiment, seed: int) -> None:
    """Write the recorded scores of one seed, and after the last one those of the design."""
    run, stage = experiment.mlflow_run, experiment.stage("benchmark", seed=seed)
    if not run or stage is None or stage.failure is not None:
        return
    told = _scores(stage.summary["objectives"], stage.summary.get("efficiency", {}))  # a seed's details: its report
    tracking.log_scores(run, told, _end(stage), seed=seed)
    stages = [experiment.stage("benchmark", seed=one) for one in experiment.seeds]
    done = [one for one in stages if one is not None and one.failure is None]
    if len(done) < len(stages) or not experiment.objectives:
        return
    scores = _scores(experiment.objectives, experiment.efficiency, experiment.details)
    if len(done) >= LEAST_SEEDS:
        for name in experiment.objectives:
            scores[f"spread/{name}"] = stdev(one.summary["objectives"][name] for one in done)
    tracking.log_scores(run, scores, max(map(_end, done)))


def _scores(
    objectives: dict[str, float], efficiency: dict[str, float], details: dict[str, float] | None = None
) -> dict[str, float]:
    named = {"eval": objectives, "efficiency": efficiency, "detail": details or {}}
    return {f"{kind}/{name}": value for kind, found in named.items() for name, value in found.items()}


def _end(stage: Stage) -> float:
    return stage.started_at + stage.seconds
