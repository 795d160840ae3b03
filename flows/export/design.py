"""``archloop export ID``: finds a design's weights, or trains it once more, and writes the package."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from archdb import Campaign, Conflict, Experiment, Store, get_campaign
from evaluation import Progress, TrainReport, Unmovable, write_package
from evaluation import scale as scale_of
from flows.export.card import card
from flows.export.evidence import evidence_of
from flows.imported_parents import refuse_imported
from flows.joining import SLOTS
from flows.same_data import require_same_data
from flows.settings import environment
from flows.slots import create_slots, in_slot
from tasks.compile_check import source_of
from tasks.domain import OWN_DOMAIN
from tasks.gpu_train import WEIGHTS, mlp_hidden_of
from tasks.kept_weights import find_weights, train_again, what_became


def export_design(
    store: Store,
    design: Experiment,
    task: str,
    seed: int | None,
    into: Path,
    retrain: bool,
    on_progress: Callable[[Progress], None],
) -> list[str]:
    """Write a design's package and return the names of its files.

    Args:
        store: where it is recorded.
        design: the experiment.
        task: whose model to take from its training.
        seed: one of its seeds; the first if None.
        into: a folder that does not exist.
        retrain: train it once more if its weights are gone; it waits for a slot of the Prefect server.
        on_progress: told of that training.

    Raises:
        Conflict: it cannot be exported as asked; the sentence says why and what to do.
    """
    campaign = get_campaign(store, design.campaign)
    refuse_imported(campaign)
    seed = _trained_seed(campaign, design, seed)
    evidence = evidence_of(store, campaign, design, seed)
    source, mlp_hidden, scale = source_of(store, design), mlp_hidden_of(design), scale_of(campaign.scale)
    if os.path.lexists(into):
        raise Conflict(f"{into} exists: name a folder that does not with --into.")
    if task not in scale.models:
        raise Conflict(f"A training at {campaign.scale} has no model {task!r}: choose {', '.join(scale.models)}.")
    with tempfile.TemporaryDirectory(prefix="archloop-export-") as place:
        weights, again = find_weights(design, seed, evidence.weights_sha256, Path(place)), ""
        if weights is None:
            if not retrain:
                raise Conflict(
                    f"The weights of {design.id}, seed {seed}, {what_became(design)}: give --retrain to train it once "
                    f"more, which takes about {_seconds(design, seed):.0f} CPU-seconds."
                )
            weights, again = _again(store, campaign, design, seed, evidence.corpus, Path(place), on_progress)
        text = card(evidence, campaign, design, seed, task, scale.plan(task).length, environment(), again)
        try:
            return write_package(source, campaign.scale, mlp_hidden, weights, task, text, into, design.id)
        except Unmovable as fault:
            raise Conflict(str(fault)) from fault
        except OSError as fault:
            told = fault.strerror or fault
            raise Conflict(f"{into} cannot be written ({told}): give another folder with --into.") from fault


def _seconds(design: Experiment, seed: int) -> float:
    """CPU-seconds that a seed's training took."""
    trained = design.stage("gpu-train", seed=seed)
    return float(trained.summary.get("cpu_seconds", 0.0)) if trained else 0.0


def _trained_seed(campaign: Campaign, design: Experiment, seed: int | None) -> int:
    if campaign.domain != OWN_DOMAIN:
        raise Conflict(
            f"{design.id} is a design of the domain {campaign.domain}: only archloop's own has a model that can be "
            "exported."
        )
    seeds = [one for one in design.seeds if _done(design, one)]
    if not seeds:
        raise Conflict(
            f"{design.id} ({design.name}) was never trained to the end: export one of those that "
            f"`archloop leaderboard -c {campaign.id}` lists."
        )
    chosen = seeds[0] if seed is None else seed
    if chosen not in seeds:
        raise Conflict(f"{design.id} has no trained seed {chosen}: choose one of {', '.join(map(str, seeds))}.")
    return chosen


def _done(design: Experiment, seed: int) -> bool:
    trained = design.stage("gpu-train", seed=seed)
    return trained is not None and trained.failure is None


def _again(
    store: Store,
    campaign: Campaign,
    design: Experiment,
    seed: int,
    corpus: Mapping[str, str],
    place: Path,
    on_progress: Callable[[Progress], None],
) -> tuple[Path, str]:
    """The weights of a new training, and how they compare with those that were scored."""
    require_same_data(campaign, corpus)
    create_slots(SLOTS)
    with in_slot():
        report = train_again(store, campaign, design, seed, place, on_progress)
    if report.failure is not None:
        raise Conflict(f"{design.id} could not be trained once more: {report.failure.message} {report.failure.remedy}")
    recorded = design.stage("gpu-train", seed=seed)
    same = recorded is not None and recorded.summary["weights_sha256"] == report.weights_sha256
    told = "and are bit for bit those that were scored." if same else _difference(campaign, report)
    return place / WEIGHTS, f"The weights were trained once more for this package, {told}"


def _difference(campaign: Campaign, report: TrainReport) -> str:
    """What a reader has to know of weights that are not those that were scored, as the end of a sentence."""
    here = environment()
    changed = [
        f"{name} {then} (now {here.get(name, 'absent')})"
        for name, then in campaign.environment.items()
        if name != "fitness_source" and here.get(name) != then
    ]
    return (
        "on the same seed and data, and differ from those that were scored: the numbers above are not theirs. "
        f"Their sha256 is {report.weights_sha256}. Versions that changed since the campaign began: "
        f"{', '.join(changed) or 'none that is recorded'}."
    )
