"""``archloop export ID``: a package of a recorded design, its card, and what becomes of weights that are gone."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from archdb import Campaign, Conflict, Stage, Store, create_experiment, get_experiment, open_campaign, set_fields
from evaluation import corpus
from flows.cli import app
from flows.cli.asked import Refused
from flows.same_data import require_same_data
from flows.settings import dataset_of
from tasks import tracking
from tasks.gpu_train import WEIGHTS, weights_folder
from tasks.retention import REMOVED
from tests.evaluation.export import away
from tests.laboratory import Lab

REFERENCE = "t-gated_deltanet"


def refusal(*arguments: str) -> str:
    """The sentence with which the command refuses."""
    result = CliRunner().invoke(app, ["export", *arguments])
    assert result.exception is not None
    assert not isinstance(result.exception, SystemExit), result.output
    return str(result.exception)


def test_a_design_or_a_table_is_asked_for(tmp_path: Path) -> None:
    for both in ((), ("3", "--table", str(tmp_path / "x.csv"))):
        with pytest.raises(Refused, match="Give either a design to export as a package, or --table FILE"):
            CliRunner().invoke(app, ["export", *both], catch_exceptions=False)
    with pytest.raises(Refused, match="--into, --task, --seed and --retrain are for one design"):
        CliRunner().invoke(app, ["export", "--table", "x.csv", "--retrain"], catch_exceptions=False)
    told = CliRunner().invoke(app, ["export", "--help"], env={"COLUMNS": "160"}).output
    assert "Write one design as a package for Hugging Face's transformers, or every experiment as a table." in told


def test_what_has_no_package_is_refused_in_a_sentence(store: Store) -> None:
    open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=9, dataset="plays"))
    open_campaign(store, Campaign(id="own", scale="s", provider="grammar", cycles=9, domain="other", dataset="d"))
    open_campaign(store, Campaign(id="old", scale="s", provider="import", cycles=9, dataset="d", ranked_by="score"))
    for campaign in ("t", "own", "old"):
        create_experiment(store, f"{campaign}-c001", campaign=campaign, kind="candidate", name=f"Swift-{campaign}")
    assert "No experiment is called nobody" in refusal("nobody")
    assert "was never trained to the end: export one of those that `archloop leaderboard -c t` lists" in refusal(
        "t-c001"
    )
    assert "t-c001 (Swift-t) was never" in refusal("1", "-c", "t")
    assert "is a design of the domain other: only archloop's own" in refusal("own-c001")
    assert "was imported" in refusal("old-c001")
    stage = Stage(stage="gpu-train", seed=7, started_at=0, seconds=1, summary={"cpu_seconds": 3.0})
    set_fields(store, "t-c001", stages={stage.key: stage.model_dump()}, seeds=[7])
    assert "t-c001 has no trained seed 1: choose one of 7." in refusal("t-c001", "--seed", "1")


def test_a_training_is_repeated_on_its_own_data_alone() -> None:
    here = corpus().fingerprint
    campaign = Campaign(id="t", scale="tiny", provider="grammar", cycles=9, dataset=dataset_of("evaluation"))
    require_same_data(campaign, here)
    with pytest.raises(Conflict, match="Campaign t trains on plays, and this machine has shakespeare"):
        require_same_data(campaign.model_copy(update={"dataset": "plays"}))
    old = campaign.model_copy(update={"dataset": ""})  # from before campaigns named their data
    require_same_data(old)
    with pytest.raises(Conflict, match="The train and validation of the data here"):
        require_same_data(old, here | {"train": "0", "validation": "0"})


@pytest.mark.slow
@pytest.mark.xdist_group("lab")
@pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is missing: pip install '.[huggingface]'"
)
def test_a_trained_design_leaves_the_laboratory(
    finished: subprocess.CompletedProcess[str],
    lab: Lab,
    lab_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert finished.returncode == 0, finished.stderr[-3000:]
    design = get_experiment(lab_store, REFERENCE)
    run = str(design.mlflow_run)
    path = f"{weights_folder(1)}/{WEIGHTS}"
    kept = tracking.fetch_file(run, path, tmp_path)
    assert kept is not None

    first = lab.run("export", REFERENCE, "--seed", "1", "--into", str(tmp_path / "kept"), "--json")
    assert first.returncode == 0, first.stderr[-3000:]
    assert "candidate.py, which nobody may have read: read it first" in first.stderr
    files = json.loads(first.stdout)["files"]
    assert files == sorted(one.name for one in (tmp_path / "kept").iterdir())
    ours = {name.removeprefix("text."): one for name, one in load_file(kept).items() if name.startswith("text.")}
    theirs = load_file(tmp_path / "kept" / "model.safetensors")
    assert {name.removeprefix("model."): one.tolist() for name, one in theirs.items()} == {
        name: one.tolist() for name, one in ours.items()
    }
    card = (tmp_path / "kept" / "README.md").read_text()
    trained = design.stage("gpu-train", seed=1)
    assert trained is not None
    for words in (
        str(trained.summary["weights_sha256"]), str(design.code), "± ", "the weights here are of seed 1.",
        "| causality | pass |", "in constant memory", "no component was knocked out", "shakespeare 0.6",
        "runs the program in `candidate.py`",
    ):  # fmt: skip
        assert words in card, words
    assert "trained once more" not in card
    again = lab.run("export", REFERENCE, "--into", str(tmp_path / "kept"))
    assert (again.returncode, "exists: name a folder that does not" in again.stderr) == (1, True)

    nowhere = lab.run("export", REFERENCE, "--into", str(tmp_path / "kept" / "README.md" / "x"))
    assert "README.md/x cannot be written (" in nowhere.stderr, nowhere.stderr

    tracking.remove_file(run, path)
    tracking.set_tags(run, {REMOVED: "removed at 2026-01-01 00:00 UTC"})
    gone = lab.run("export", REFERENCE, "--seed", "1", "--into", str(tmp_path / "again"))
    assert gone.returncode == 1
    assert "were removed at 2026-01-01 00:00 UTC: give --retrain to train it once more" in gone.stderr
    assert not (tmp_path / "again").exists()
    (tmp_path / "other.txt").write_text("What is aught, but as 'tis valued? " * 20_000)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("ARCHLOOP_CORPUS", str(tmp_path / "other.txt"))
        wrong = lab.run("export", REFERENCE, "--seed", "1", "--into", str(tmp_path / "again"), "--retrain")
    assert (wrong.returncode, "give it the same data (ARCHLOOP_CORPUS)" in wrong.stderr) == (1, True), wrong.stderr
    made = lab.run("export", REFERENCE, "--seed", "1", "--into", str(tmp_path / "again"), "--retrain")
    assert made.returncode == 0, made.stderr[-3000:]
    assert "trained once more for this package, and are bit for bit" in (tmp_path / "again" / "README.md").read_text()
    record = lab_store.database["experiments"]  # altered past the store, and then as it was: other tests read it
    key = f"stages.{trained.key}.summary.weights_sha256"
    record.update_one({"_id": design.id}, {"$set": {key: "0" * 64}})
    try:
        made = lab.run("export", REFERENCE, "--seed", "1", "--into", str(tmp_path / "others"), "--retrain")
    finally:
        record.update_one({"_id": design.id}, {"$set": {key: trained.summary["weights_sha256"]}})
    assert made.returncode == 0, made.stderr[-3000:]
    told = (tmp_path / "others" / "README.md").read_text()
    assert "differ from those that were scored: the numbers above are not theirs" in told
    assert "since the campaign began: none that is recorded." in told

    case = tmp_path / "again-case"
    case.mkdir()
    save_file({"tokens": torch.arange(60).reshape(2, 30) + 60}, case / "case.safetensors")
    outside = {name: one for name, one in os.environ.items() if not name.startswith(("PYTHON", "ARCHLOOP"))}
    ran = subprocess.run(
        [sys.executable, "-I", str(Path(away.__file__)), str(tmp_path / "again")],
        env=outside | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = json.loads(ran.stdout)[str(tmp_path / "again")]
    assert said["steps"]
    assert said["together"] == said["apart"] == said["again"]
