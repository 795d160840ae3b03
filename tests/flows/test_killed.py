"""kill -9 of the whole process group, in every kind of stage: the same command finishes the same campaign."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from archdb import Experiment, Store, campaign_experiments, list_running
from archdb.audit import check_chain, check_records
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory

STAGES = ("sample", "propose", "codegen", "compile-check", "gpu-train", "benchmark", "analyze")
EXTRA_CYCLES = 2  # beyond the campaign's own two, so that there is a stage to be killed in


def kill_in(lab: Lab, store: Store, stage: str, campaign: str, cycles: int) -> list[Experiment]:
    """Start the campaign, kill its process group while ``stage`` is in flight, and return what was recorded then."""
    child = subprocess.Popen(
        lab.command("run", "--scale", "tiny", "--cycles", str(cycles), "--campaign", campaign),
        env=lab.environment(),
        cwd=lab.folder.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    started = time.time()
    try:
        while not any(one.stage == stage and one.since >= started for one in list_running(store, campaign)):
            assert child.poll() is None, f"the campaign ended before a {stage} stage was seen"
            assert time.time() - started < 300
            time.sleep(0.002)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return campaign_experiments(store, campaign)


def finish_and_compare(lab: Lab, store: Store, campaign: str, cycles: int, before: list[Experiment]) -> None:
    """Run the same command again; everything recorded before is untouched, and nothing is missing."""
    reports = {file: file.stat().st_mtime_ns for file in trainings(lab, campaign)}
    told = lab.run("run", "--scale", "tiny", "--cycles", str(cycles), "--campaign", campaign)
    assert told.returncode == 0, told.stderr[-3000:]
    after = {one.id: one for one in campaign_experiments(store, campaign)}
    for old in before:
        for key, stage in old.stages.items():
            assert after[old.id].stages[key] == stage, f"{old.id} {key} was done twice"
    finished = [one for one in after.values() if one.kind == "candidate"]
    assert sorted(one.cycle or 0 for one in finished) == list(range(1, cycles + 1))
    assert all(one.state in ("done", "failed") and not one.lease.owner for one in after.values())
    assert all("analyze:0" in one.stages for one in after.values())
    for file, written in reports.items():
        assert file.stat().st_mtime_ns == written, f"{file} was trained twice"
    runs = mlflow_runs(lab)
    for one in after.values():
        if one.mlflow_run:
            assert runs.count(one.id) == 1, f"{one.id} has {runs.count(one.id)} MLflow runs"
    walk = check_chain(store)
    assert walk.faults + check_records(store, walk, campaign).faults == []
    assert not any(one.get("pending") for one in store.experiments.find({"campaign": campaign}))


def trainings(lab: Lab, campaign: str) -> list[Path]:
    return sorted(lab.folder.glob(f"work/{campaign}-*/gpu-train-*.report.json"))


def mlflow_runs(lab: Lab) -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{lab.folder / 'mlflow.db'}")
    folder = client.get_experiment_by_name("archloop-tiny")
    assert folder is not None
    found = client.search_runs([folder.experiment_id], max_results=1000)
    return [run.data.tags["archloop.experiment"] for run in found]


def cycles_so_far(store: Store, campaign: str) -> int:
    return sum(one.kind == "candidate" for one in campaign_experiments(store, campaign))


@pytest.mark.slow
def test_killed_in_a_random_stage(finished: subprocess.CompletedProcess[str], lab: Lab, lab_store: Store) -> None:
    stage = random.SystemRandom().choice(STAGES)
    cycles = cycles_so_far(lab_store, "t") + 1
    before = kill_in(lab, lab_store, stage, "t", cycles)
    finish_and_compare(lab, lab_store, "t", cycles, before)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_each_stage(
    finished: subprocess.CompletedProcess[str], lab: Lab, lab_store: Store, stage: str
) -> None:
    cycles = cycles_so_far(lab_store, "t") + EXTRA_CYCLES
    before = kill_in(lab, lab_store, stage, "t", cycles)
    finish_and_compare(lab, lab_store, "t", cycles, before)


@pytest.mark.slow
@pytest.mark.xdist_group("another lab")
def test_killed_among_the_baselines(lab: Lab, lab_store: Store) -> None:
    for stage in ("compile-check", "gpu-train", "benchmark"):
        before = kill_in(lab, lab_store, stage, "fresh", 1)
    finish_and_compare(lab, lab_store, "fresh", 1, before)
