"""What may go: weights and work folders of designs that have ended and that nothing needs any more.

The lineage itself never goes, nor do MLflow's runs: they carry the anchors of the event log.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from archdb import (
    Outline,
    Store,
    campaign_fronts,
    find_outlines,
    get_experiment,
    home,
    leaderboard,
    list_campaigns,
    list_verified,
)
from archdb.leases import is_held
from archdb.outlines import campaign_outlines
from tasks import tracking
from tasks.gpu_train import WEIGHTS
from tasks.sandbox.folder import contents_of, empty

REMOVED = "archloop.weights"  # the tag of a run that says when its weights went
KINDS = ("candidate", "ablation", "external")  # whose weights may go; baselines and repetitions keep theirs
MOST_FILES = 10**6  # counted in a work folder


class WorkLeft(NamedTuple):
    """A work folder that a killed worker left, of a design that has ended since."""

    experiment: str
    folder: Path
    bytes: int  # on disk


class Weights(NamedTuple):
    """Trained weights in MLflow."""

    experiment: str
    run: str
    path: str  # of the artifact
    bytes: int


def spare_work(store: Store, until: float) -> Iterator[WorkLeft]:
    """Work folders in which nothing has changed since ``until`` (seconds since the epoch), of designs that have ended.

    A folder of a design that the store does not know stays: another store may work on the same data folder.
    """
    top = home() / "work"
    folders = sorted(one for one in top.iterdir() if one.is_dir() and not one.is_symlink()) if top.is_dir() else []
    known = {one.id for one in find_outlines(store, [one.name for one in folders])}
    for folder in folders:
        if folder.name not in known:
            continue
        held = contents_of(folder, MOST_FILES)
        if held.newest > until:
            continue
        one = get_experiment(store, folder.name)
        if one.state != "open" and not is_held(one.lease, store.now()):
            yield WorkLeft(one.id, folder, held.bytes)


def remove_work(one: WorkLeft) -> None:
    """Remove a work folder, whatever a design has put there."""
    empty(one.folder)
    one.folder.rmdir()


def spare_weights(store: Store, keep_best: int, until: float) -> Iterator[Weights]:
    """Weights in MLflow of designs that ended before ``until``, and are neither among the best of their campaign, nor
    on one of its fronts, nor tested on fresh seeds.
    """
    gone = {run for run, _ in tracking.tagged_runs(REMOVED)}
    for campaign in list_campaigns(store):
        needed = {one.id for one in leaderboard(store, campaign.id, keep_best)}
        needed |= {one.experiment for one in list_verified(store, campaign.id)}
        needed |= {one.id for front in campaign_fronts(store, campaign.id) for one in front.members}
        for one in campaign_outlines(store, campaign.id):
            if one.id not in needed and one.mlflow_run not in gone and _may_go(one, until):
                yield from _weights(one)


def remove_weights(found: Sequence[Weights]) -> None:
    """Remove weights. Once all of a run are gone it says so, and is not looked at again."""
    for run, some in groupby(found, key=lambda one: one.run):
        for one in some:
            tracking.remove_file(run, one.path)
        tracking.set_tags(run, {REMOVED: f"removed at {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC"})


def _may_go(one: Outline, until: float) -> bool:
    ended = one.finished_at is not None and one.finished_at < until
    return ended and one.state != "open" and one.kind in KINDS and one.mlflow_run is not None


def _weights(one: Outline) -> Iterator[Weights]:
    run = one.mlflow_run or ""
    for path, size in tracking.files_of(run, "weights"):
        if Path(path).name == WEIGHTS:
            yield Weights(one.id, run, path, size)
