"""Stage ``gpu-train``: train one seed of a design in a jailed child and keep its weights."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from archdb import Amounts, Campaign, Experiment, Store, get_campaign, open_store, renew, set_fields
from evaluation import Launch, Progress, TrainReport
from tasks import tracking
from tasks.compile_check import failed, source_of
from tasks.domain import domain_of
from tasks.run_contents import tell_training
from tasks.stage import Outcome, current_flow_run, run_stage, stage_task
from tasks.supervision import Watch, work_folder
from tasks.training_progress import training_progress

SLOWEST = 3.0  # a design may take this many times the reference's compute time
WEIGHTS = "weights.safetensors"


@stage_task("gpu-train")
def gpu_train(experiment_id: str, token: int, seed: int) -> bool:
    """Record one completed training. Returns whether the experiment may go on."""
    after = run_stage(
        experiment_id,
        token,
        "gpu-train",
        lambda store, now: _train(store, now, token, seed),
        seed=seed,
        most=most_for_training,
    )
    tell_training(open_store(), after, seed)
    return after.state == "open"


def most_for_training(campaign: Campaign) -> Amounts:
    """What the training of one seed may cost at most."""
    limits, own = domain_of(campaign.domain).ceilings(campaign.scale), cpu_limit(campaign)
    return {"cpu_seconds": limits.train if own is None else own + limits.over}


def cpu_limit(campaign: Campaign) -> float | None:
    """The CPU-seconds that one training may take; None before the reference's are known: the scale's limit holds."""
    return SLOWEST * campaign.reference_cpu_seconds if campaign.reference_cpu_seconds else None


def _train(store: Store, experiment: Experiment, token: int, seed: int) -> Outcome:
    campaign = get_campaign(store, experiment.campaign)
    folder = work_folder(experiment, "gpu-train", seed)
    report = finished_training(folder, campaign.scale)
    if report is None:
        watch = Watch(store, experiment, token, "gpu-train")
        with training_progress(f"{experiment.id} {experiment.name}, seed {seed}") as show:

            def on_progress(progress: Progress) -> None:
                watch.on_progress(progress)
                show(progress)

            report = train_seed(store, campaign, experiment, seed, folder, watch.launch, on_progress)
        _keep_report(folder, report)
    renew(store, experiment.id, token)
    run = _keep_weights(store, campaign, experiment, seed, report, folder)
    return Outcome(
        summary={
            "parameters": report.parameters,
            "tokens": report.tokens,
            "cpu_seconds": report.cpu_seconds,
            "wall_seconds": report.wall_seconds,
            "peak_bytes": report.peak_bytes,
            "weights_sha256": report.weights_sha256,
        },
        report=report,
        failure=failed("gpu-train", report.failure),
        patch={"mlflow_run": run},
    )


def train_seed(
    store: Store,
    campaign: Campaign,
    experiment: Experiment,
    seed: int,
    folder: Path,
    launch: Launch,
    on_progress: Callable[[Progress], None],
) -> TrainReport:
    """Train a seed of a design that may be trained, and leave its weights in ``folder``. Nothing is recorded.

    Raises ValueError if it has not passed compile-check, and whatever ``launch`` and ``on_progress`` raise.
    """
    return domain_of(campaign.domain).train(
        source_of(store, experiment),
        campaign.scale,
        seed,
        mlp_hidden_of(experiment),
        folder,
        launch,
        cpu_limit(campaign),
        on_progress,
    )


def mlp_hidden_of(experiment: Experiment) -> int:
    """The MLP's width that the check chose. Raises ValueError if the design has not passed it."""
    checked = experiment.stage("compile-check")
    if checked is None or checked.failure is not None:
        raise ValueError(f"{experiment.id} has not passed compile-check: it may not be trained.")
    return int(checked.summary["mlp_hidden"])


def finished_training(folder: Path, scale: str) -> TrainReport | None:
    """The report of a training at this scale that ended in this folder but was not recorded before its worker died.

    The file is written by the supervisor, after the child is gone and outside of its reach.
    """
    try:
        report = TrainReport.model_validate_json(_report_file(folder).read_text())
    except (OSError, ValidationError):
        return None
    return report if report.scale == scale else None


def _keep_report(folder: Path, report: TrainReport) -> None:
    file = _report_file(folder)
    draft = file.with_suffix(".draft")
    draft.write_text(report.model_dump_json())
    draft.replace(file)


def _report_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".report.json")  # beside the child's folder, not in it


def _keep_weights(
    store: Store, campaign: Campaign, experiment: Experiment, seed: int, report: TrainReport, folder: Path
) -> str:
    """The design's MLflow run, with the weights: another machine may be the one that scores them."""
    run = experiment.mlflow_run or tracking.find_or_start_run(
        campaign, experiment, current_flow_run(), report.started_at
    )
    if experiment.mlflow_run is None:
        set_fields(store, experiment.id, mlflow_run=run)
    if report.failure is None:
        tracking.keep_file(run, folder / WEIGHTS, weights_folder(seed))
    return run


def weights_folder(seed: int) -> str:
    """Where a seed's weights lie among the artifacts of its MLflow run."""
    return f"weights/seed{seed}"
