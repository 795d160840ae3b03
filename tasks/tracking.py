"""MLflow: one run per evaluated design, found again by its experiment tag, so that doing it twice adds nothing.

Metrics carry the times at which they were measured, so logging a report a second time writes the same rows.
"""

import contextlib
import functools
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archdb import Campaign, Experiment, home, prepare_home
from tasks.faults import TransportFault

TAG = "archloop.experiment"
FOLDER = "archloop-"  # the MLflow experiments of the scales begin with it
PAGE = 200  # runs asked for at a time


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or an sqlite file in the data folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


@functools.cache
def _client() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    prepare_home()
    return MlflowClient(tracking_uri=tracking_uri())


@contextlib.contextmanager
def _tracking_faults() -> Iterator[None]:
    """MLflow's faults as transport faults: an experiment is never failed because its bookkeeping was."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError) as fault:
        raise TransportFault(
            f"MLflow at {tracking_uri()} does not take results ({str(fault)[:200]}): start it or mend "
            "MLFLOW_TRACKING_URI, then run the same command again."
        ) from fault


def find_or_start_run(campaign: Campaign, experiment: Experiment, flow_run: str | None, at: float) -> str:
    """The id of the experiment's MLflow run, which is created, as started ``at``, if it does not exist."""
    with _tracking_faults():
        folder = folder_of(campaign.scale)
        found = _client().search_runs([folder], f"tags.`{TAG}` = '{experiment.id}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        tags = {
            TAG: experiment.id,
            "archloop.campaign": campaign.id,
            "archloop.kind": experiment.kind,
            "archloop.cycle": "" if experiment.cycle is None else str(experiment.cycle),
            "archloop.parent": experiment.parents[0] if experiment.parents else "",
            "archloop.family": experiment.path[0] if experiment.path else experiment.id,
            "archloop.dataset": campaign.dataset,
            "prefect.flow_run": flow_run or "",
        }
        run = _client().create_run(folder, start_time=int(at * 1000), run_name=experiment.name, tags=tags)
        return str(run.info.run_id)


@functools.cache
def folder_of(scale: str) -> str:
    """The id of the MLflow experiment of a scale: only runs of one scale compare."""
    from mlflow.exceptions import MlflowException

    name = f"{FOLDER}{scale}"
    found = _client().get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    artifacts = None if os.environ.get("MLFLOW_TRACKING_URI") else (home() / "mlartifacts").as_uri()
    try:
        return str(_client().create_experiment(name, artifact_location=artifacts))
    except MlflowException:  # another worker was faster
        return str(_client().get_experiment_by_name(name).experiment_id)


def log_parameters(run: str, parameters: Mapping[str, Any]) -> None:
    """Write parameters; those that are there already stay."""
    from mlflow.entities import Param

    with _tracking_faults():
        known = _client().get_run(run).data.params
        fresh = [Param(key, str(value)[:500]) for key, value in parameters.items() if key not in known]
        if fresh:
            _client().log_batch(run, params=fresh)


def log_curves(run: str, curves: Mapping[str, Any], seed: int, at: float, seconds: float) -> None:
    """Write what training streamed, a metric per task: display only, hence the name ``streamed``.

    Args:
        run: the MLflow run.
        curves: task -> ((step, loss), ...).
        seed: the training's seed; later seeds get a suffix.
        at: when training started, seconds since the epoch.
        seconds: how long it took.
    """
    from mlflow.entities import Metric

    metrics = []
    for task, curve in curves.items():
        last = curve[-1][0] if curve else 1
        for step, loss in curve:
            when = int((at + seconds * step / max(last, 1)) * 1000)
            metrics.append(Metric(f"streamed/{task}_loss{_suffix(seed)}", loss, when, int(step)))
    log_metrics(run, metrics)


def log_scores(run: str, scores: Mapping[str, float], at: float, *, seed: int | None = None) -> None:
    """Write final numbers, such as objectives and fitness."""
    from mlflow.entities import Metric

    log_metrics(run, [Metric(name + _suffix(seed), value, int(at * 1000), 0) for name, value in scores.items()])


def log_metrics(run: str, metrics: list[Any]) -> None:
    with _tracking_faults():
        for start in range(0, len(metrics), 1000):
            _client().log_batch(run, metrics=metrics[start : start + 1000])


def log_text(run: str, text: str, path: str) -> None:
    """Keep a text as an artifact of the run."""
    with _tracking_faults():
        _client().log_text(run, text, path)


def keep_file(run: str, file: Path, folder: str) -> None:
    """Keep a file as an artifact of the run, in a folder of it."""
    with _tracking_faults():
        _client().log_artifact(run, str(file), folder)


def fetch_file(run: str, path: str, into: Path) -> Path | None:
    """Bring an artifact of the run into a folder; None if the run has no such artifact."""
    with _tracking_faults(), tempfile.TemporaryDirectory(dir=into) as draft:
        folder = str(Path(path).parent)
        if not any(one.path == path for one in _client().list_artifacts(run, folder)):
            return None
        got = Path(_client().download_artifacts(run, path, draft))
        return got.replace(into / Path(path).name)


def finish_run(run: str, *, failed: bool, tags: Mapping[str, str]) -> None:
    """Close the run as finished or failed, with its last tags."""
    with _tracking_faults():
        for key, value in tags.items():
            _client().set_tag(run, key, value[:5000])
        _client().set_terminated(run, status="FAILED" if failed else "FINISHED")


def set_tags(run: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run, whether it is closed or not."""
    with _tracking_faults():
        for key, value in tags.items():
            _client().set_tag(run, key, value)


def tag_scale(scale: str, tags: Mapping[str, str]) -> None:
    """Set tags of the MLflow experiment that holds the runs of a scale."""
    with _tracking_faults():
        for key, value in tags.items():
            _client().set_experiment_tag(folder_of(scale), key, value)


def tagged_scales() -> list[dict[str, str]]:
    """The tags of every MLflow experiment that holds runs of a scale."""
    from mlflow.entities import ViewType

    with _tracking_faults():
        found = _client().search_experiments(view_type=ViewType.ALL, filter_string=f"name LIKE '{FOLDER}%'")
        return [dict(one.tags) for one in found]


def tagged_runs(tag: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The ids and tags of all runs of any scale that have this tag, those that were put into the bin included."""
    from mlflow.entities import ViewType

    with _tracking_faults():
        folders = _client().search_experiments(view_type=ViewType.ALL, filter_string=f"name LIKE '{FOLDER}%'")
        ids, page = [one.experiment_id for one in folders], None
        while ids:
            found = _client().search_runs(ids, f"tags.`{tag}` != ''", ViewType.ALL, PAGE, page_token=page)
            yield from ((run.info.run_id, dict(run.data.tags)) for run in found)
            page = found.token
            if not page:
                return


def _suffix(seed: int | None) -> str:
    return f".s{seed}" if seed else ""
