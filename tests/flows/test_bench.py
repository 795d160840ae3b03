"""``archloop bench null`` and ``overhead`` with real trainings, and what they keep."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def bench(*options: str, folder: Path, which: str = "null") -> subprocess.CompletedProcess[str]:
    home = {"ARCHLOOP_HOME": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from flows.cli import main; main()", "bench", which, *options]
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


@pytest.mark.slow
def test_overhead_is_measured_in_turns_and_kept(tmp_path: Path) -> None:
    options = ["--scale", "tiny", "--rounds", "1", "--starts", "3", "--into", str(tmp_path), "--json"]
    done = bench(*options, folder=tmp_path, which="overhead")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "overhead-tiny.json").read_text())
    (only,) = told["rounds"]
    assert 0 < only["bare_cpu_seconds"] < only["child_cpu_seconds"] + only["supervisor_cpu_seconds"]
    assert told["overhead"] == pytest.approx(
        (only["child_cpu_seconds"] + only["supervisor_cpu_seconds"]) / only["bare_cpu_seconds"] - 1
    )
    assert told["speedup"] == pytest.approx(2 * only["alone_wall_seconds"] / only["together_wall_seconds"])
    assert len(told["starts"]) == 3
    assert told["device"]
