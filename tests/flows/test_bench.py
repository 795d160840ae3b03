"""``archloop bench null`` with real trainings, and what it keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def bench(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    home = {"ARCHLOOP_HOME": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from flows.cli import main; main()", "bench", "null", *options]
    return subprocess.run(command, env=os.environ | home, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_a_small_null_study_trains_once_and_keeps_its_numbers(tmp_path: Path) -> None:
    options = ["--scale", "tiny", "--seeds", "3", "--campaigns", "10", "--designs", "4", "--confirmation", "2"]
    done = bench(*options, "--into", str(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "12 trainings of designs that are equally good" in done.stdout
    assert "A true gain of 2 noise units is found" in done.stdout
    kept = json.loads((tmp_path / "null-tiny.json").read_text())
    assert kept["false_campaigns"]["of"] == 10
    assert kept["device"]
    trainings = tmp_path / "null-tiny-trainings.jsonl"
    before = trainings.read_bytes()
    assert len(before.splitlines()) >= 16
    again = bench(*options, "--json", "--into", str(tmp_path), folder=tmp_path)
    assert json.loads(again.stdout) == kept | {"command": json.loads(again.stdout)["command"]}
    assert trainings.read_bytes() == before


def test_too_few_seeds_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    done = bench("--scale", "tiny", "--seeds", "3", "--confirmation", "3", "--into", str(tmp_path), folder=tmp_path)
    assert done.returncode == 1
    assert "3 fresh seeds beside one for screening are needed, but 3 are to be trained: train at least 4" in done.stderr
    assert not list(tmp_path.glob("*.jsonl"))
