"""One real campaign end to end, and everything that a person can do with it afterwards."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import pytest

from archdb import Store, campaign_experiments, get_report
from archdb.cognition import list_findings
from tests.laboratory import CYCLES, Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory

BASELINES = {"softmax_attention", "linear_attention", "gla", "deltanet", "gated_deltanet"}
Done = subprocess.CompletedProcess[str]


def test_it_ends_with_a_leaderboard_and_where_to_look(finished: Done) -> None:
    assert finished.returncode == 0, finished.stderr[-3000:]
    for text in ("Leaderboard of t (tiny scale)", "gated_deltanet (reference, 3 seeds)", "Learned:", "index.html"):
        assert text in finished.stdout
    assert "archloop up" in finished.stdout
    assert "gpu-train" in finished.stdout, "progress was not shown"


def test_every_experiment_is_closed_and_has_each_stage_once(finished: Done, lab_store: Store) -> None:
    experiments = campaign_experiments(lab_store, "t")
    assert {one.name for one in experiments if one.kind == "baseline"} == BASELINES
    cycles = [one for one in experiments if one.kind == "candidate"]
    assert [one.cycle for one in cycles] == list(range(1, CYCLES + 1))
    for one in experiments:
        assert one.state == "done", one.failure
        assert one.fitness is not None
        assert not one.lease.owner
        trainings = [stage for stage in one.stages.values() if stage.stage == "gpu-train"]
        assert {stage.seed for stage in trainings} == set(one.seeds)
    reference = next(one for one in experiments if "reference" in one.tags)
    assert len(reference.seeds) == 3
    assert abs(reference.fitness or 0.0) < 1e-9
    for one in cycles:
        assert one.parents
        assert "softmax" not in one.parents[0], "the quadratic baseline is shown, never a parent"


def test_sizes_match_the_reference_within_two_percent(finished: Done, lab_store: Store) -> None:
    for one in campaign_experiments(lab_store, "t"):
        report = get_report(lab_store, one.stages["compile-check:0"].report or "")["body"]
        assert abs(report["parameters"] / report["reference_parameters"] - 1) <= 0.02


def test_findings_name_their_evidence(finished: Done, lab_store: Store) -> None:
    findings = list_findings(lab_store, "t")
    assert findings
    known = {one.id for one in campaign_experiments(lab_store, "t")}
    assert all(set(finding.evidence) <= known and finding.evidence for finding in findings)


def test_prefect_shows_the_stages_by_name(finished: Done, lab: Lab, lab_store: Store) -> None:
    runs = httpx.post(f"{lab.prefect}/task_runs/filter", json={"limit": 200}).json()
    names = Counter(run["name"].rsplit("-", 1)[0] for run in runs)
    for stage in ("sample", "propose", "codegen", "compile-check", "gpu-train", "benchmark", "analyze"):
        assert names[stage] >= CYCLES, names
    flows = {run["name"] for run in httpx.post(f"{lab.prefect}/flow_runs/filter", json={"limit": 200}).json()}
    assert {"t", "t-baselines", "t-c001", "evaluate t-c001"} <= flows


def test_mlflow_has_one_run_per_design(
    finished: Done, lab: Lab, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{lab.folder / 'mlflow.db'}")
    folder = client.get_experiment_by_name("archloop-tiny")
    assert folder is not None
    runs = client.search_runs([folder.experiment_id], "tags.`archloop.campaign` = 't'")
    experiments = {one.id: one for one in campaign_experiments(lab_store, "t") if one.kind != "external"}
    counted = Counter(run.data.tags["archloop.experiment"] for run in runs)
    assert {key: counted[key] for key in experiments} == dict.fromkeys(experiments, 1)
    for run in runs:
        one = experiments.get(run.data.tags["archloop.experiment"])
        if one is None:
            continue
        assert run.info.run_id == one.mlflow_run
        assert run.data.metrics["fitness"] == pytest.approx(one.fitness)
        assert run.data.params["scale"] == "tiny"
        assert {"design", "reports", "weights"} <= {file.path for file in client.list_artifacts(run.info.run_id)}
    reference = next(one for one in experiments.values() if "reference" in one.tags)
    metrics = client.get_run(reference.mlflow_run).data.metrics
    assert {"eval/text_bpb", "eval/text_bpb.s1", "eval/text_bpb.s2"} <= set(metrics)


def test_efficiency_is_recorded_beside_the_objectives_and_not_among_them(finished: Done, lab_store: Store) -> None:
    experiments = {one.name: one for one in campaign_experiments(lab_store, "t") if one.kind == "baseline"}
    for one in experiments.values():
        assert {"prefill_seconds", "decode_seconds", "peak_bytes", "claimed_flops_per_token"} <= set(one.efficiency)
        assert not set(one.gains) & set(one.efficiency)
    growing = {name for name, one in experiments.items() if one.efficiency["claimed_state_growth_per_token"]}
    assert growing == {"softmax_attention"}


def test_the_report_is_one_file(finished: Done, lab: Lab) -> None:
    page = lab.folder / "reports" / "t" / "index.html"
    text = page.read_text()
    for name in BASELINES:
        assert name in text
    assert "<script src" not in text
    assert list(page.parent.glob("*.png"))


def test_running_it_again_does_nothing_twice(finished: Done, lab: Lab, lab_store: Store) -> None:
    before = campaign_experiments(lab_store, "t")
    again = lab.run("run", "--scale", "tiny", "--cycles", str(CYCLES), "--campaign", "t")
    assert again.returncode == 0, again.stderr[-3000:]
    assert campaign_experiments(lab_store, "t") == before


def test_other_settings_are_refused(finished: Done, lab: Lab) -> None:
    told = lab.run("run", "--scale", "nano", "--campaign", "t")
    assert told.returncode == 1
    assert "scale tiny, not nano" in told.stderr
    assert "--campaign NAME" in told.stderr


def test_effects_of_components_are_not_estimated_from_two_cycles(finished: Done, lab: Lab) -> None:
    told = lab.run("components", "t")
    assert told.returncode == 0
    assert "Fitness: nothing can be estimated. " in told.stdout
    assert "parents have more than one child, and 8 are needed." in told.stdout
    found = json.loads(lab.run("components", "t", "--json").stdout)
    assert set(found) == {"fitness", "text_bpb", "recall_loss", "copy_loss"}


def test_designs_within_the_limits_of_a_deployment_are_ranked(finished: Done, lab: Lab) -> None:
    asked = ("leaderboard", "-c", "t", "--meets", "prefill_seconds<=1x", "--meets", "peak_bytes>=1B")
    told = json.loads(lab.run(*asked, "--json").stdout)
    bound = told["limits"][0]["bound"]
    ranked = json.loads(lab.run("leaderboard", "-c", "t", "--json").stdout)
    within = [one["id"] for one in ranked if one["efficiency"]["prefill_seconds"] <= bound]
    assert "t-gated_deltanet" in within, "the reference is as fast as itself"
    assert [one["id"] for one in told["designs"]] == within
    assert (told["met"], told["beyond"], told["unknown"]) == (len(within), len(ranked) - len(within), 0)
    shown = lab.run(*asked).stdout
    assert f"{len(within)} designs of t meet this" in shown
    assert "prefill of the longest sequence (s) <=" in shown
    refused = lab.run("leaderboard", "-c", "t", "--meets", "beauty<=1")
    assert (refused.returncode, refused.stderr.count("beauty is not recorded of designs")) == (1, 1)


def test_what_no_other_design_beats_over_chosen_axes_is_shown(finished: Done, lab: Lab) -> None:
    asked = ("leaderboard", "-c", "t", "--over", "recall_loss", "--over", "state_bytes_per_layer")
    told = json.loads(lab.run(*asked, "--json").stdout)
    assert told["axes"] == {"recall_loss": "higher", "claimed_state_bytes_per_layer": "lower"}
    ranked = json.loads(lab.run("leaderboard", "-c", "t", "--json").stdout)
    named = [one for one in ranked if "claimed_state_bytes_per_layer" in one["efficiency"]]
    points = {
        one["id"]: (one["gains"]["recall_loss"], -one["efficiency"]["claimed_state_bytes_per_layer"]) for one in named
    }
    best = {
        name
        for name, (recall, state) in points.items()
        if not any(r >= recall and s >= state and (r, s) != (recall, state) for r, s in points.values())
    }
    assert {one["id"] for one in told["designs"]} == best
    assert (told["members"], told["unknown"]) == (len(best), len(ranked) - len(points))
    within = json.loads(lab.run(*asked, "--meets", "prefill_seconds<=1x", "--json").stdout)
    bound = next(one["efficiency"]["prefill_seconds"] for one in ranked if one["id"] == "t-gated_deltanet")
    assert within["designs"]
    assert all(one["efficiency"]["prefill_seconds"] <= bound for one in within["designs"])
    assert "recall" in lab.run(*asked).stdout
    refused = lab.run("leaderboard", "-c", "t", "--over", "beauty")
    assert (refused.returncode, refused.stderr.count("beauty is no axis: name one of fitness")) == (1, 1)


def test_looking_at_what_is_recorded(finished: Done, lab: Lab) -> None:
    status = json.loads(lab.run("status", "-c", "t", "--json").stdout)
    assert {one["name"] for one in status["experiments"]} >= BASELINES
    ranked = json.loads(lab.run("leaderboard", "-c", "t", "--json").stdout)
    fitness = [one["fitness"] for one in ranked]
    assert fitness == sorted(fitness, reverse=True)
    shown = lab.run("show", "1", "-c", "t").stdout
    assert "Motivation" in shown
    assert "class Candidate" in shown
    assert "the design's claim" in shown
    assert "Not measured: energy of prefill. The model ran on a CPU." in shown
    assert "t-c001" in lab.run("lineage", "1", "-c", "t").stdout
    assert "+++ t-c001" in lab.run("diff", "1", "-c", "t").stdout
    path = lab.run("report", "-c", "t").stdout.strip()
    assert Path(path).exists()


def test_a_file_is_judged_against_the_baselines(finished: Done, lab: Lab, tmp_path: Path) -> None:
    from evaluation import baseline_source

    file = tmp_path / "my_layer.py"
    file.write_text("# mine\n" + baseline_source("gla"))
    told = lab.run("evaluate", str(file), "-c", "t", "--scale", "tiny")
    assert told.returncode == 0, told.stderr[-3000:]
    assert "my_layer" in told.stdout
    assert any(word in told.stdout for word in ("within noise", "better", "worse"))
    assert "95% interval" in told.stdout
    assert "Prefill of the longest sequence" in told.stdout
    again = json.loads(lab.run("evaluate", str(file), "-c", "t", "--scale", "tiny", "--json").stdout)
    assert again["state"] == "done"
    assert set(again["comparison"]["objectives"]) == {"text_bpb", "recall_loss", "copy_loss"}


def test_a_file_that_fails_says_why(finished: Done, lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("from torch import nn\nclass Candidate(nn.Module):\n    pass\n")
    told = lab.run("evaluate", str(file), "-c", "t", "--scale", "tiny")
    assert told.returncode == 1
    assert "failed in compile-check" in told.stdout
