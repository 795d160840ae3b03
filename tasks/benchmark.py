"""Stages ``benchmark`` and ``hold-out``: score a trained seed. The supervisor computes every score, the design none."""

import hashlib
import shutil
from pathlib import Path
from statistics import fmean
from typing import Literal

from archdb import Experiment, Stage, Store, get_campaign, home
from evaluation import BenchmarkReport
from tasks import tracking
from tasks.compile_check import failed, source_of
from tasks.domain import domain_of
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


@stage_task("hold-out")
def hold_out(experiment_id: str, token: int, seed: int) -> bool:
    """Record one seed's scores on the sealed split, which decide promotion and which no agent sees."""
    after = run_stage(
        experiment_id, token, "hold-out", lambda store, now: _hold_out(store, now, token, seed), seed=seed
    )
    return after.state == "open"


def _hold_out(store: Store, experiment: Experiment, token: int, seed: int) -> Outcome:
    report, _ = _report(store, experiment, token, seed, "hold-out")
    return Outcome(
        summary={"objectives": report.objectives, "cpu_seconds": report.cpu_seconds},
        report=report,
        failure=failed("hold-out", report.failure),
    )


def _report(
    store: Store, experiment: Experiment, token: int, seed: int, stage: Literal["benchmark", "hold-out"]
) -> tuple[BenchmarkReport, Stage]:
    """The scores of a trained seed, and the record of its training."""
    campaign = get_campaign(store, experiment.campaign)
    checked, trained = experiment.stage("compile-check"), experiment.stage("gpu-train", seed=seed)
    if checked is None or trained is None or trained.failure is not None:
        raise ValueError(f"{experiment.id} has no trained seed {seed} to benchmark.")
    weights = _weights(experiment, seed, str(trained.summary["weights_sha256"]))
    folder = work_folder(experiment, stage, seed)
    report = domain_of(campaign.domain).benchmark(
        source_of(store, experiment),
        campaign.scale,
        seed,
        int(checked.summary["mlp_hidden"]),
        weights,
        folder,
        Watch(store, experiment, token, stage).launch,
        "holdout" if stage == "hold-out" else "validation",
    )
    shutil.rmtree(folder, ignore_errors=True)
    return report, trained


def _benchmark(store: Store, experiment: Experiment, token: int, seed: int) -> Outcome:
    report, trained = _report(store, experiment, token, seed, "benchmark")
    patch = {}
    if report.failure is None:
        done = {seed: (report.objectives, report.details)}
        for other in experiment.seeds:
            stage = experiment.stage("benchmark", seed=other)
            if stage is not None:
                done[other] = (stage.summary["objectives"], stage.summary["details"])
        if set(done) >= set(experiment.seeds):
            patch = {
                "objectives": _mean([objectives for objectives, _ in done.values()]),
                "details": _mean([details for _, details in done.values()]),
            }
        if experiment.mlflow_run:
            scores = {f"eval/{name}": value for name, value in report.objectives.items()}
            scores |= {f"detail/{name}": value for name, value in report.details.items()}
            tracking.log_scores(experiment.mlflow_run, scores, trained.started_at + trained.seconds, seed=seed)
    return Outcome(
        summary={"objectives": report.objectives, "details": report.details, "cpu_seconds": report.cpu_seconds},
        report=report,
        failure=failed("benchmark", report.failure),
        patch=patch,
    )


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
    return {name: fmean(row[name] for row in rows) for name in rows[0]}
