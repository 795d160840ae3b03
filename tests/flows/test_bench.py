"""``archloop bench`` with real trainings, and what it keeps."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.agents.grammar.numbered import numbered_designs
from tests.evaluation.fidelity.synthetic import rows


def bench(*options: str, folder: Path, name: str = "null") -> subprocess.CompletedProcess[str]:
    home = {"ARCHLOOP_HOME": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from flows.cli import main; main()", "bench", name, *options]
    return subprocess.run(command, env=os.environ | home, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_a_small_null_study_trains_once_and_keeps_its_numbers(tmp_path: Path) -> None:
    options = ["--scale", "tiny", "--seeds", "3", "--campaigns", "10", "--designs", "4", "--confirmation", "2"]
    done = bench(*options, "--into", str(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
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
def test_a_small_panel_trains_once_and_stands_beside_published_rows(tmp_path: Path) -> None:
    chosen = ["--baseline", "gla", "--baseline", "deltanet", "--scale", "tiny", "--seeds", "2", "--into", str(tmp_path)]
    done = bench(*chosen, folder=tmp_path, name="baselines")
    assert done.returncode == 0, done.stderr[-3000:]
    for told in ("Published: MAD tasks", "arXiv 2406.06484", "deltanet above gla on recall:", "95% interval"):
        assert told in done.stdout
    kept = json.loads((tmp_path / "baselines-tiny.json").read_text())
    assert set(kept["designs"]) == {"gla", "deltanet"}
    trainings = tmp_path / "baselines-tiny-trainings.jsonl"
    before = trainings.read_bytes()
    assert len(before.splitlines()) == 4
    assert bench(*chosen, folder=tmp_path, name="baselines").returncode == 0
    assert trainings.read_bytes() == before


def test_an_unknown_baseline_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    done = bench("--baseline", "typo", "--into", str(tmp_path), folder=tmp_path, name="baselines")
    assert done.returncode == 1
    assert "'typo' is no baseline: choose among softmax_attention" in done.stderr
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.slow
def test_a_killed_table_goes_on_and_is_studied_once_it_is_large_enough(tmp_path: Path) -> None:
    home = {"ARCHLOOP_HOME": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    options = ["--scale", "tiny", "--designs", "2", "--top", "1", "--into", str(tmp_path)]
    command = [
        sys.executable,
        "-c",
        "from flows.cli import main; main()",
        "bench",
        "table",
        "--parallel",
        "1",
        *options,
    ]
    rows = tmp_path / "fidelity-tiny-trainings.jsonl"
    with subprocess.Popen(command, env=os.environ | home, stdout=subprocess.DEVNULL) as first:
        while first.poll() is None and not (rows.is_file() and rows.read_bytes().count(b"\n") >= 2):
            time.sleep(0.1)
        first.kill()
    before = rows.read_bytes()
    done = bench(*options, folder=tmp_path, name="table")
    assert done.returncode == 0, done.stderr[-3000:]
    after = rows.read_bytes()
    assert after.startswith(before[: before.rfind(b"\n") + 1])
    lines = [json.loads(line) for line in after.splitlines()]
    assert len({(line["design"], line["seed"]) for line in lines}) == len(lines) == 15 + 2 + 2
    assert [line["number"] for line in lines if line["seed"] == 1 and line["number"]] == [1, 2]
    refused = bench("--scale", "tiny", "--into", str(tmp_path), folder=tmp_path, name="fidelity")
    assert refused.returncode == 1
    assert "2 designs that trained to the end, and at least 40 are needed" in " ".join(refused.stderr.split())


@pytest.mark.slow
def test_overhead_is_measured_in_turns_and_kept(tmp_path: Path) -> None:
    options = ["--scale", "tiny", "--rounds", "1", "--starts", "3", "--into", str(tmp_path), "--json"]
    done = bench(*options, folder=tmp_path, name="overhead")
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "overhead-tiny.json").read_text())
    (only,) = told["rounds"]
    assert all(only[f"{part}_cpu_seconds"] > 0 for part in ("bare", "child", "supervisor"))
    assert told["overhead"] == pytest.approx(
        (only["child_cpu_seconds"] + only["supervisor_cpu_seconds"]) / only["bare_cpu_seconds"] - 1
    )
    assert told["speedup"] == pytest.approx(2 * only["alone_wall_seconds"] / only["together_wall_seconds"])
    assert len(told["starts"]) == 3
    assert told["device"]


def test_samplers_are_replayed_on_a_stored_table_and_their_numbers_kept(tmp_path: Path) -> None:
    grammar = numbered_designs(24)
    lines = []
    for row in rows(designs=22, failed=2):
        known = {"components": grammar[row.number - 1].choices} if row.number is not None else {}
        lines.append(row.model_copy(update=known).model_dump_json())
    (tmp_path / "fidelity-tiny-trainings.jsonl").write_text("\n".join(lines) + "\n")
    options = ["--scale", "tiny", "--into", str(tmp_path)]
    unknown = bench(*options, "--sampler", "annealing", folder=tmp_path, name="search")
    assert unknown.returncode == 1
    assert "No sampler is called annealing: use one of ranked, paper" in unknown.stderr
    done = bench(
        *options, "--replays", "2", "--sampler", "pareto", "--against", "ranked", folder=tmp_path, name="search"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "24 designs, 2 of them failed" in done.stdout
    kept = json.loads((tmp_path / "search.json").read_text())
    assert set(kept["samplers"]) == {"ranked", "uniform", "pareto"}
    assert (kept["horizon"], kept["replays"], kept["chosen"]) == (12, 2, "ranked")
    assert kept["verdict"] in " ".join(done.stdout.split())
    assert kept["device"]


@pytest.mark.slow
def test_cycles_are_measured_with_evaluations_that_cost_nothing(tmp_path: Path) -> None:
    options = ["--cycles", "2", "--recorded", "0", "--recorded", "5", "--in-flight", "2", "--into", str(tmp_path)]
    done = bench(*options, "--json", folder=tmp_path, name="overhead")
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "overhead-cycles.json").read_text())
    assert [(one["recorded"], one["cycles"], one["in_flight"]) for one in told["stretches"]] == [(0, 2, 2), (5, 2, 2)]
    for one in told["stretches"]:
        assert one["cpu_seconds"] > 0
        assert one["server_cpu_seconds"] > 0
        assert one["a_minute"] == pytest.approx(120 / one["wall_seconds"])
    assert not (tmp_path / "data").exists()  # the user's own laboratory is left alone
