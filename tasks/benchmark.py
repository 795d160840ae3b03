"""Stages ``benchmark`` and ``hold-out``: score a trained seed. The supervisor computes every score, the design none."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from pydantic import ValidationError

from archdb import Amounts, Campaign, Experiment, Stage, Store, get_campaign, home
from evaluation import BenchmarkReport, Efficiency, Failure, Launch
from tasks.compile_check import failed, source_of
from tasks.domain import Domain, domain_of
from tasks.faults import CapacityFault
from tasks.kept_weights import find_weights
from tasks.run_contents import tell_scores
from tasks.stage import Outcome, run_stage, stage_task
from tasks.supervision import Watch, work_folder


@stage_task("benchmark")
def benchmark(experiment_id: str, token: int, seed: int) -> bool:
    """Record one seed's scores; after the last seed, the experiment's objectives. Returns whether it may go on."""
    after = run_stage(
        experiment_id,
        token,
        "benchmark",
        lambda store, now: _benchmark(store, now, token, seed),
        seed=seed,
        most=most_for_benchmark,
    )
    tell_scores(after, seed)
    return after.state == "open"


@stage_task("hold-out")
def hold_out(experiment_id: str, token: int, seed: int) -> bool:
    """Record one seed's scores on the sealed split, which decide promotion and which no agent sees."""
    after = run_stage(
        experiment_id,
        token,
        "hold-out",
        lambda store, now: _hold_out(store, now, token, seed),
        seed=seed,
        most=most_for_hold_out,
    )
    return after.state == "open"


def most_for_benchmark(campaign: Campaign) -> Amounts:
    """What the benchmark of one seed may cost at most."""
    return {"cpu_seconds": domain_of(campaign.domain).ceilings(campaign.scale).benchmark}


def most_for_hold_out(campaign: Campaign) -> Amounts:
    """What the hold-out scores of one seed may cost at most."""
    return {"cpu_seconds": domain_of(campaign.domain).ceilings(campaign.scale).holdout}


@dataclass(frozen=True)
class _Trained:
    """One trained seed, ready to be asked."""

    domain: Domain
    source: str
    scale: str
    mlp_hidden: int
    weights: Path
    folder: Path  # to work in
    launch: Launch
    checked: Stage
    trained: Stage


def _find(store: Store, experiment: Experiment, token: int, seed: int, stage: str) -> _Trained:
    campaign = get_campaign(store, experiment.campaign)
    checked, trained = experiment.stage("compile-check"), experiment.stage("gpu-train", seed=seed)
    if checked is None or trained is None or trained.failure is not None:
        raise ValueError(f"{experiment.id} has no trained seed {seed} to benchmark.")
    return _Trained(
        domain=domain_of(campaign.domain),
        source=source_of(store, experiment),
        scale=campaign.scale,
        mlp_hidden=int(checked.summary["mlp_hidden"]),
        weights=_weights(experiment, seed, str(trained.summary["weights_sha256"])),
        folder=work_folder(experiment, stage, seed),
        launch=Watch(store, experiment, token, stage).launch,
        checked=checked,
        trained=trained,
    )


def _benchmark(store: Store, experiment: Experiment, token: int, seed: int) -> Outcome:
    one = _find(store, experiment, token, seed, "benchmark")
    report = _scores(one, seed, "validation")
    efficiency: dict[str, float] = {}
    cpu_seconds = report.cpu_seconds
    if report.failure is None:
        measured = one.domain.measure_efficiency(
            one.source, one.scale, one.mlp_hidden, one.weights, one.folder, one.launch
        )
        report = report.model_copy(update={"efficiency": measured})
        cpu_seconds += measured.cpu_seconds
        efficiency = _efficiency(one, measured)
    shutil.rmtree(one.folder, ignore_errors=True)
    summary = {"objectives": report.objectives, "details": report.details, "efficiency": efficiency}
    patch = {}
    if report.failure is None:
        done = [summary]
        for other in experiment.seeds:
            stage = experiment.stage("benchmark", seed=other)
            if stage is not None and other != seed:
                done.append(stage.summary)
        if len(done) >= len(experiment.seeds):
            patch = {name: mean_over_seeds([row.get(name, {}) for row in done]) for name in summary}
    return Outcome(
        summary=summary | {"cpu_seconds": cpu_seconds},
        report=report,
        failure=failed("benchmark", report.failure),
        patch=patch,
    )


def _scores(one: _Trained, seed: int, split: Literal["validation", "holdout"]) -> BenchmarkReport:
    """One seed's scores. That one of them is no finite number is a failure of the design, whatever the domain."""
    try:
        return one.domain.benchmark(
            one.source, one.scale, seed, one.mlp_hidden, one.weights, one.folder, one.launch, split
        )
    except ValidationError as fault:
        wrong = [error for error in fault.errors() if error["type"] == "finite_number"]
        if len(wrong) < fault.error_count():
            raise  # a mistake in the domain
        told = ", ".join(f"{error['loc'][-1]} ({error['input']})" for error in wrong)
        failure = Failure(
            kind="non_finite",
            message=f"Scores are no finite numbers: {told}.",
            remedy="Keep what the design computes bounded on data that it was not trained on.",
        )
        return BenchmarkReport(scale=one.scale, seed=seed, split=split, failure=failure)


def _efficiency(one: _Trained, measured: Efficiency) -> dict[str, float]:
    """Everything known of one seed's efficiency: the check's claims, what training took, what was measured just now."""
    spent = one.trained.summary
    return {
        **one.checked.summary.get("efficiency", {}),
        **one.domain.of_training(int(spent["tokens"]), float(spent["cpu_seconds"]), int(spent["peak_bytes"])),
        **measured.numbers,
    }


def _hold_out(store: Store, experiment: Experiment, token: int, seed: int) -> Outcome:
    one = _find(store, experiment, token, seed, "hold-out")
    report = _scores(one, seed, "holdout")
    shutil.rmtree(one.folder, ignore_errors=True)
    return Outcome(
        summary={"objectives": report.objectives, "cpu_seconds": report.cpu_seconds},
        report=report,
        failure=failed("hold-out", report.failure),
    )


def _weights(experiment: Experiment, seed: int, sha256: str) -> Path:
    """The seed's weights: where training left them, or from the MLflow run when another machine trained them."""
    here = find_weights(experiment, seed, sha256, work_folder(experiment, "gpu-train", seed))
    if here is None:
        raise CapacityFault(
            f"The trained weights of {experiment.id} (seed {seed}) are missing or altered under {home() / 'work'} and "
            "in MLflow: bring them back, or evaluate the design again under another campaign."
        )
    return here


def mean_over_seeds(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each number that every seed has."""
    return {name: fmean(row[name] for row in rows) for name in rows[0] if all(name in row for row in rows)}
