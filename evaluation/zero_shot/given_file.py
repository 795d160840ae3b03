"""A design's file and the folder with its weights: from the check to the report. Both command lines call this."""

from pathlib import Path

from evaluation.checks import check
from evaluation.jobs import WEIGHTS_FILE
from evaluation.large.jobs import Device
from evaluation.large.ready import ready
from evaluation.launch import Launch
from evaluation.reports import Failure
from evaluation.scales import frame
from evaluation.scales.large import LargeScale
from evaluation.zero_shot import definitions
from evaluation.zero_shot.reports import ZeroShotReport
from evaluation.zero_shot.scoring import Told, zero_shot
from evaluation.zero_shot.tasks import TASKS, tasks_named


def zero_shot_file(
    source: str,
    scale: str,
    data: Path | None,
    device: Device,
    folder: Path,
    launch: Launch,
    *,
    tasks: str = "",
    limit: int | None = None,
    trained_on: str = "",
    told: Told | None = None,
) -> ZeroShotReport:
    """The suite for the weights that a training at ``scale`` left in ``folder``.

    ``tasks`` and ``trained_on`` are names with commas between them; no tasks: all. Whatever the caller can mend is a
    ValueError, and found before anything takes long; a bad design or dataset is a report with a failure.
    """
    definitions.require_installed()
    chosen, known = frame(scale), tasks_named(trained_on) if trained_on else ()
    if not isinstance(chosen, LargeScale):
        raise ValueError(
            f"Scale {scale} trains a model per task, on little text: the zero-shot suite is for scales with a dataset."
        )
    if data is None:
        raise ValueError(f"Add --data FOLDER, the dataset that the model was trained on at scale {scale}.")
    if limit is not None and limit < 1:
        raise ValueError(f"A limit of {limit} items leaves nothing to ask: give 1 or more, or leave it out.")
    wanted, weights = tasks_named(tasks) if tasks else TASKS, folder / WEIGHTS_FILE
    if not weights.is_file():
        raise ValueError(f"No weights at {weights}; train this design at scale {scale} first.")
    found = ready(chosen, data, device, 0, launch)
    if isinstance(found, Failure):
        return ZeroShotReport(scale=scale, device=device, failure=found)
    checked = check(source, scale, folder, launch)
    if checked.failure is not None:
        return ZeroShotReport(scale=scale, device=device, failure=checked.failure, sandbox=checked.sandbox)
    return zero_shot(
        source,
        found,
        checked.mlp_hidden,
        weights,
        folder,
        launch,
        wanted,
        limit=limit,
        trained_on=[task.name for task in known],
        told=told,
    )
