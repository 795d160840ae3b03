"""The MLflow experiments: one for each scale of a domain, since only runs of one such compare."""

import functools
import os
from collections.abc import Mapping
from typing import Any

from archdb import home
from tasks.domain import OWN_DOMAIN
from tasks.tracking.server import client, tracking_faults

FOLDER = "archloop-"  # the MLflow experiments of the scales begin with it
KIND = {"mlflow.experimentKind": "custom_model_development"}  # its pages show runs first, and traces beside them


@functools.cache
def folder_of(scale: str, domain: str) -> str:
    """The id of the MLflow experiment of a domain's scale, which is created if it does not exist."""
    from mlflow.exceptions import MlflowException

    name = f"{FOLDER}{scale}" if domain == OWN_DOMAIN else f"{FOLDER}{domain}-{scale}"
    found = client().get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    artifacts = None if os.environ.get("MLFLOW_TRACKING_URI") else (home() / "mlartifacts").as_uri()
    try:
        return str(client().create_experiment(name, artifact_location=artifacts, tags=KIND))
    except MlflowException:  # another worker was faster
        return str(client().get_experiment_by_name(name).experiment_id)


def tag_scale(scale: str, domain: str, tags: Mapping[str, str]) -> None:
    """Set tags of the MLflow experiment that holds the runs of a domain's scale."""
    with tracking_faults():
        for key, value in tags.items():
            client().set_experiment_tag(folder_of(scale, domain), key, value)


def tagged_scales() -> list[dict[str, str]]:
    """The tags of every MLflow experiment that holds runs of a scale."""
    with tracking_faults():
        return [dict(one.tags) for one in all_folders()]


def all_folders() -> list[Any]:
    """The MLflow experiments of all scales, those that were put into the bin included."""
    from mlflow.entities import ViewType

    return list(client().search_experiments(view_type=ViewType.ALL, filter_string=f"name LIKE '{FOLDER}%'"))
