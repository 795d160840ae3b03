"""The trained weights of a seed: as MLflow keeps them, or trained once more."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from archdb import Campaign, Experiment, Store
from archdb.governance import require_not_stopped
from evaluation import Progress, TrainReport
from tasks import tracking
from tasks.gpu_train import WEIGHTS, train_seed, weights_folder
from tasks.retention import REMOVED
from tasks.sandbox.jail import jail


def find_weights(experiment: Experiment, seed: int, sha256: str, folder: Path) -> Path | None:
    """The file with a seed's weights in ``folder``, where it is brought from MLflow unless it lies there already.

    None if there is none, or if it is not the one that was recorded.
    """
    here = folder / WEIGHTS
    if not here.exists() and experiment.mlflow_run:
        tracking.fetch_file(experiment.mlflow_run, f"{weights_folder(seed)}/{WEIGHTS}", folder)
    if not here.exists() or hashlib.sha256(here.read_bytes()).hexdigest() != sha256:
        return None
    return here


def what_became(experiment: Experiment) -> str:
    """What became of weights that ``find_weights`` did not find, as the end of a sentence."""
    tags = tracking.tags_of(experiment.mlflow_run) if experiment.mlflow_run else {}
    return f"were {tags[REMOVED]}" if REMOVED in tags else "are not in MLflow as they were recorded"


def train_again(
    store: Store,
    campaign: Campaign,
    experiment: Experiment,
    seed: int,
    folder: Path,
    on_progress: Callable[[Progress], None],
) -> TrainReport:
    """Train a seed of a design once more as it was trained, in the sandbox, and leave its weights in ``folder``.

    Nothing is recorded, and nothing charged to the campaign's budget. Raises Halted if the campaign is stopped.
    """
    launch = jail(lambda: require_not_stopped(store, campaign.id))
    return train_seed(store, campaign, experiment, seed, folder, launch, on_progress)
