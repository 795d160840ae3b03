"""Parameters and metrics of a run, under names that all runs share (docs/mlflow.md lists them).

A name alone is the design's number, the mean over its seeds where it has several; with ``.s3`` it is seed 3's.
"""

from collections.abc import Mapping
from typing import Any

from tasks.tracking.server import client, tracking_faults

AT_ONCE = 1000  # metrics in a request; MLflow takes no more
MOST_SIGNS = 500  # of a parameter


def log_parameters(run: str, parameters: Mapping[str, Any]) -> None:
    """Write parameters; those that are there already stay."""
    from mlflow.entities import Param

    with tracking_faults():
        known = client().get_run(run).data.params
        fresh = [Param(key, str(value)[:MOST_SIGNS]) for key, value in parameters.items() if key not in known]
        if fresh:
            client().log_batch(run, params=fresh)


def log_curves(run: str, curves: Mapping[str, Any], seed: int, at: float, seconds: float) -> None:
    """Write what training streamed, a metric per task: display only, hence the name ``streamed``.

    Args:
        run: the MLflow run.
        curves: task -> ((step, loss), ...).
        seed: the training's seed.
        at: when training started, seconds since the epoch.
        seconds: how long it took.
    """
    from mlflow.entities import Metric

    metrics = []
    for task, curve in curves.items():
        last = curve[-1][0] if curve else 1
        for step, loss in curve:
            when = int((at + seconds * step / max(last, 1)) * 1000)
            metrics.append(Metric(_named(f"streamed/{task}_loss", seed), loss, when, int(step)))
    _log(run, metrics)


def log_scores(run: str, scores: Mapping[str, float], at: float, *, seed: int | None = None) -> None:
    """Write final numbers, such as objectives and fitness: a seed's, or the design's if no seed is named."""
    from mlflow.entities import Metric

    _log(run, [Metric(_named(name, seed), value, int(at * 1000), 0) for name, value in scores.items()])


def _named(name: str, seed: int | None) -> str:
    return name if seed is None else f"{name}.s{seed}"


def _log(run: str, metrics: list[Any]) -> None:
    with tracking_faults():
        for start in range(0, len(metrics), AT_ONCE):
            client().log_batch(run, metrics=metrics[start : start + AT_ONCE])
