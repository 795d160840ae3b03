"""What `archloop db prune` takes away, in a real store, a real MLflow and real folders; and what it never takes."""

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archdb import Campaign, Store, claim, create_experiment, home, open_campaign, record_verified, set_fields
from archdb.outlines import record_outlines
from flows.cli import app
from tasks import tracking
from tasks.gpu_train import WEIGHTS, weights_folder

OLD = time.time() - 40 * 86_400


@pytest.fixture
def ended(store: Store, tmp_path: Path) -> dict[str, str]:
    """Six designs with weights in MLflow, best first, and their runs by id; only the fourth and sixth are needed by
    nobody.
    """
    campaign = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=9, dataset="plays"))
    (tmp_path / WEIGHTS).write_bytes(b"w" * 1000)
    runs = {}
    for number, (name, kind, state) in enumerate((
        ("t-c001", "candidate", "done"), ("t-c002", "candidate", "done"), ("t-gla", "baseline", "done"),
        ("t-c003", "candidate", "done"), ("t-c004", "candidate", "open"), ("t-c005", "candidate", "failed"),
    )):  # fmt: skip
        one = create_experiment(store, name, campaign="t", kind=kind, name=name)  # type: ignore[arg-type]
        run = runs[name] = tracking.find_or_start_run(campaign, one, None, 1.0)
        tracking.keep_file(run, tmp_path / WEIGHTS, weights_folder(0))
        tracking.log_text(run, "kept", "design.py")
        fitness = None if state == "failed" else 1.0 - number / 10
        done = set_fields(store, name, state=state, mlflow_run=run, fitness=fitness, finished_at=OLD)
        record_outlines(store, [done])
    record_verified(store, "t", "t-c002", "gla", lambda _: {"breakthrough": False, "promoted": None, "p": 0.5})
    return runs


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody else, with a file."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs")
    return tmp_path / "outside"


def work(name: str, days: float, outside: Path) -> Path:
    folder = home() / "work" / name
    (folder / "gpu-train-0").mkdir(parents=True)
    (folder / "gpu-train-0" / "checkpoint").write_bytes(b"c" * 5000)
    (folder / "gpu-train-0" / "out").symlink_to(outside)
    at = time.time() - days * 86_400
    for one in (*folder.rglob("*"), folder):
        os.utime(one, (at, at), follow_symlinks=False)
    return folder


def nested_beyond_paths(folder: Path) -> None:
    """Leave folders in it that no path can name, and one that nobody may enter, all as old as the folder."""
    at, here = folder.stat().st_mtime, os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(20):
            os.mkdir("n" * 250)
            os.chdir("n" * 250)
        for _ in range(20):
            os.utime(".", (at, at))
            os.chdir("..")
    finally:
        os.chdir(here)
    (folder / "closed").mkdir(mode=0)
    for one in (folder / "closed", folder):
        os.utime(one, (at, at))


def test_a_dry_run_tells_and_only_apply_removes_what_nobody_needs(
    store: Store, ended: dict[str, str], outside: Path
) -> None:
    left, fresh, unknown = (work(name, days, outside) for name, days in (("t-c001", 40), ("t-c003", 1), ("x-c001", 40)))
    held, unfinished = work("t-c005", 40, outside), work("t-c004", 40, outside)
    nested_beyond_paths(left)
    assert claim(store, "t-c005") is not None
    asked = ["db", "prune", "--keep-best", "1", "--json"]
    told = json.loads(CliRunner().invoke(app, asked, catch_exceptions=False).stdout)
    path = f"{weights_folder(0)}/{WEIGHTS}"
    assert {(one["experiment"], one["path"], one["bytes"]) for one in told["weights"]} == {
        ("t-c003", path, 1000), ("t-c005", path, 1000),
    }  # fmt: skip
    assert [one["experiment"] for one in told["work"]] == ["t-c001"]
    assert told["work"][0]["bytes"] >= 5000
    assert not told["applied"]
    assert left.exists()
    assert all(list(tracking.files_of(run, "weights")) for run in ended.values())

    assert json.loads(CliRunner().invoke(app, [*asked, "--apply"], catch_exceptions=False).stdout)["applied"]
    with_weights = {name for name, run in ended.items() if list(tracking.files_of(run, "weights"))}
    assert with_weights == {"t-c001", "t-c002", "t-gla", "t-c004"}
    gone = tracking.client().get_run(ended["t-c003"])
    assert gone.data.tags["archloop.weights"].startswith("removed at ")
    assert "design.py" in {one.path for one in tracking.client().list_artifacts(ended["t-c003"])}
    assert not left.exists()
    assert all(one.exists() for one in (fresh, unknown, held, unfinished))
    assert (outside / "file").read_text() == "theirs"  # the link was removed, not what it led to
    again = json.loads(CliRunner().invoke(app, asked, catch_exceptions=False).stdout)
    assert (again["weights"], again["work"]) == ([], [])
