"""Stage ``benchmark``: score one trained seed. Every score is computed by the supervisor, none by the design."""

import hashlib
import shutil
from pathlib import Path
from statistics import fmean

from archdb import Experiment, Stage, Store, get_campaign, home
from evaluation import Efficiency
from tasks import tracking
from tasks.compile_check import failed, source_of
from tasks.domain import Domain, domain_of
from tasks.faults import CapacityFault
from tasks.gpu_train import WEIGHTS, weights_folder
from tasks.stage import Outcome, run_stage, stage_task
from tasks.supervision import Watch, work_folder


@stage_task("benchmark")
def benchmark(experiment_id: str, token: int, seed: int) -> bool:
    """Record one seed's scores; after the last seed, the experiment's objectives. Returns whether it may go on."""
    after = run_stage(
        experiment_id, token, "benchmark", lambda store, now: _benchmark(store, now, token, seed), seed=seed
    )
    return after.state == "open"


def _benchmark(store: Store, experiment: Experiment, token: int, seed: int) -> Outcome:
    campaign = get_campaign(store, experiment.campaign)
    checked, trained = experiment.stage("compile-check"), experiment.stage("gpu-train", seed=seed)
    if checked is None or trained is None or trained.failure is not None:
        raise ValueError(f"{experiment.id} has no trained seed {seed} to benchmark.")
    weights = _weights(experiment, seed, str(trained.summary["weights_sha256"]))
    watch = Watch(store, experiment, token, "benchmark")
    folder = work_folder(experiment, "benchmark", seed)
    domain, source, hidden = (
        domain_of(campaign.domain),
        source_of(store, experiment),
        int(checked.summary["mlp_hidden"]),
    )
    report = domain.benchmark(source, campaign.scale, seed, hidden, weights, folder, watch.launch)
    efficiency: dict[str, float] = {}
    cpu_seconds = report.cpu_seconds
    if report.failure is None:
        measured = domain.measure_efficiency(source, campaign.scale, hidden, weights, folder, watch.launch)
        report = report.model_copy(update={"efficiency": measured})
        cpu_seconds += measured.cpu_seconds
        efficiency = _efficiency(domain, checked, trained, measured)
    shutil.rmtree(folder, ignore_errors=True)
    summary = {"objectives": report.objectives, "details": report.details, "efficiency": efficiency}
    patch = {}
    if report.failure is None:
        done = [summary]
        for other in experiment.seeds:
            stage = experiment.stage("benchmark", seed=other)
            if stage is not None and other != seed:
                done.append(stage.summary)
        if len(done) >= len(experiment.seeds):
            patch = {name: _mean([one.get(name, {}) for one in done]) for name in summary}
        if experiment.mlflow_run:
            scores = {f"eval/{name}": value for name, value in report.objectives.items()}
            scores |= {f"detail/{name}": value for name, value in report.details.items()}
            scores |= {f"efficiency/{name}": value for name, value in efficiency.items()}
            tracking.log_scores(experiment.mlflow_run, scores, trained.started_at + trained.seconds, seed=seed)
    return Outcome(
        summary=summary | {"cpu_seconds": cpu_seconds},
        report=report,
        failure=failed("benchmark", report.failure),
        patch=patch,
    )


def _efficiency(domain: Domain, checked: Stage, trained: Stage, measured: Efficiency) -> dict[str, float]:
    """Everything known of one seed's efficiency: the check's claims, what training took, what was measured just now."""
    spent = trained.summary
    return {
        **checked.summary.get("efficiency", {}),
        **domain.of_training(int(spent["tokens"]), float(spent["cpu_seconds"]), int(spent["peak_bytes"])),
        **measured.numbers,
    }


def _weights(experiment: Experiment, seed: int, sha256: str) -> Path:
    """The seed's weights: where training left them, or from the MLflow run when another machine trained them."""
    here = work_folder(experiment, "gpu-train", seed) / WEIGHTS
    if not here.exists() and experiment.mlflow_run:
        tracking.fetch_file(experiment.mlflow_run, f"{weights_folder(seed)}/{WEIGHTS}", here.parent)
    if not here.exists() or hashlib.sha256(here.read_bytes()).hexdigest() != sha256:
        raise CapacityFault(
            f"The trained weights of {experiment.id} (seed {seed}) are missing or altered under {home() / 'work'} and "
            "in MLflow: bring them back, or evaluate the design again under another campaign."
        )
    return here


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each number that every seed has."""
    return {name: fmean(row[name] for row in rows) for name in rows[0] if all(name in row for row in rows)}
