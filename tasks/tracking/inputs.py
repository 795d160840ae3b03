"""What a run was trained and scored on, as MLflow's dataset inputs: names, hashes and seeds, never the data."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.tracking.server import client, tracking_faults

DIGEST = 36  # signs of a digest; MLflow has no room for more


@dataclass(frozen=True)
class Input:
    """One set of data that a run used."""

    name: str
    sha256: str
    use: str  # "training" or "validation"
    about: dict[str, Any]  # where it comes from


def log_inputs(run: str, inputs: Sequence[Input]) -> None:
    """Write inputs of a run; those of a name and hash that are there already stay."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    with tracking_faults():
        given = [
            DatasetInput(
                Dataset(one.name, one.sha256[:DIGEST], "archloop", json.dumps(one.about | {"sha256": one.sha256})),
                [InputTag(MLFLOW_DATASET_CONTEXT, one.use)],
            )
            for one in inputs
        ]
        client().log_inputs(run, datasets=given)
