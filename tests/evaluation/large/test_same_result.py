"""Ranks, micro-batches and interruptions change the time that a run takes, and nothing else."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from evaluation import Progress, baseline_source, plain_launch
from evaluation.arrays import Array, read_arrays
from evaluation.data.shards import read_dataset
from evaluation.jobs import WEIGHTS_FILE
from evaluation.large.jobs import CHECKPOINT_FILE
from evaluation.large.reports import LargeTrainReport
from evaluation.scales.large import LargeScale
from tests.evaluation.large.laboratory import HONEST, SCALE, dataset, furthest, run, scale

pytestmark = pytest.mark.xdist_group("large")
# A design that draws random numbers in training and counts in a buffer: what a checkpoint could forget.
DRAWS = HONEST.replace("self.inner(x)", "F.dropout(self.inner(x), 0.2, self.training)").replace(
    "        return", "        if self.training:\n            self.seen.add_(1)\n        return"
)


def weights(folder: Path) -> dict[str, Array]:
    return read_arrays(folder / WEIGHTS_FILE, 10**8)


def losses(report: LargeTrainReport) -> list[float]:
    assert report.failure is None, report.failure
    assert [step for step, _ in report.curves["text"]] == list(range(1, SCALE.run.steps + 1))
    return [loss for _, loss in report.curves["text"]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[LargeTrainReport, dict[str, Array]]:
    """One process, the whole batch at once."""
    folder = tmp_path_factory.mktemp("alone")
    report = run(HONEST, data, folder)
    assert [file.name for file in folder.iterdir()] == [WEIGHTS_FILE]
    return report, weights(folder)


def test_a_run_learns_and_says_how_it_was_made(data: Path, alone: tuple[LargeTrainReport, dict[str, Array]]) -> None:
    report, found = alone
    curve = losses(report)
    assert curve[-1] < curve[0] - 0.5
    assert (report.workers, report.micro_batch, report.parallel, report.precision) == (1, 8, "", "float32")
    assert report.tokens == 8 * 8 * 32
    assert report.parameters == sum(array.size for array in found.values())
    assert report.epochs == 2048 / read_dataset(data).parts["train"].tokens
    assert len(report.weights_sha256) == 64


@pytest.mark.parametrize(
    ("chosen", "workers", "micro_batch"),
    [
        (scale(micro_batch=4), 1, 4),
        (scale(micro_batch=3), 1, 2),  # the largest that cuts the batch evenly
        (SCALE, 2, 4),
        (scale(micro_batch=2), 2, 2),
        (scale(parallel="fsdp2", micro_batch=2), 2, 2),
    ],
    ids=["accumulated", "uneven", "ddp", "ddp-accumulated", "fsdp2-accumulated"],
)
def test_neither_ranks_nor_micro_batches_change_the_result(
    chosen: LargeScale,
    workers: int,
    micro_batch: int,
    data: Path,
    alone: tuple[LargeTrainReport, dict[str, Array]],
    tmp_path: Path,
) -> None:
    report = run(HONEST, data, tmp_path, chosen, workers)
    assert losses(report) == pytest.approx(losses(alone[0]), abs=1e-5)
    assert furthest(weights(tmp_path), alone[1]) < 1e-5
    assert (report.workers, report.micro_batch) == (workers, micro_batch)
    assert report.parallel == (chosen.run.parallel if workers > 1 else "")


class Stop(Exception):
    """What a test's interruption raises."""


def interrupt_after(step: int) -> Any:
    def look(progress: Progress) -> None:
        if progress.step >= step:
            raise Stop

    return look


@pytest.mark.parametrize(
    ("chosen", "workers"), [(SCALE, 1), (SCALE, 2), (scale(parallel="fsdp2"), 2)], ids=["alone", "ddp", "fsdp2"]
)
def test_killed_and_resumed_is_the_unbroken_run_to_the_last_bit(
    chosen: LargeScale, workers: int, data: Path, tmp_path: Path
) -> None:
    source = HONEST if chosen.run.parallel == "fsdp2" else DRAWS  # FSDP2 keeps a buffer on each rank
    whole = run(source, data, tmp_path / "whole", chosen, workers)
    with pytest.raises(Stop):  # the launch kills the child, and with it every rank
        run(source, data, tmp_path / "broken", chosen, workers, on_progress=interrupt_after(5))
    assert [file.name for file in (tmp_path / "broken").rglob("*") if file.is_file()] == [CHECKPOINT_FILE]
    with pytest.raises(ValueError, match="add --resume"):
        run(source, data, tmp_path / "broken", chosen, workers)
    with pytest.raises(ValueError, match="belongs to a run of another design"):
        run(source + "\n", data, tmp_path / "broken", chosen, workers, resume=True)
    seen: list[Progress] = []
    resumed = run(source, data, tmp_path / "broken", chosen, workers, resume=True, on_progress=seen.append)
    assert resumed.resumed
    assert not whole.resumed
    assert losses(resumed) == losses(whole)
    found, expected = weights(tmp_path / "broken"), weights(tmp_path / "whole")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert [file.name for file in (tmp_path / "broken").iterdir()] == [WEIGHTS_FILE]


def test_a_run_may_be_resumed_by_another_number_of_ranks(
    data: Path, alone: tuple[LargeTrainReport, dict[str, Array]], tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        run(HONEST, data, tmp_path, on_progress=interrupt_after(5))
    report = run(HONEST, data, tmp_path, workers=2, resume=True)
    assert losses(report) == pytest.approx(losses(alone[0]), abs=1e-5)
    assert furthest(weights(tmp_path), alone[1]) < 1e-5


def test_the_reference_trains_in_bfloat16(data: Path, tmp_path: Path) -> None:
    source = baseline_source("gated_deltanet")
    half = losses(run(source, data, tmp_path / "half", scale(precision="bf16")))
    full = losses(run(source, data, tmp_path / "full"))
    assert half == pytest.approx(full, abs=0.1)
    assert half != full
    assert all(array.dtype == np.float32 for array in weights(tmp_path / "half").values())


def test_through_torchrun(data: Path, alone: tuple[LargeTrainReport, dict[str, Array]], tmp_path: Path) -> None:
    report = run(HONEST, data, tmp_path, workers=2, launch=plain_launch)
    assert losses(report) == pytest.approx(losses(alone[0]), abs=1e-5)
    assert furthest(weights(tmp_path), alone[1]) < 1e-5
    assert "unsandboxed" in report.sandbox["sandbox"]


@pytest.mark.slow
def test_no_rank_under_torchrun_outlives_a_killed_run(data: Path, tmp_path: Path) -> None:
    alive: set[int] = set()

    def look(progress: Progress) -> None:
        there = psutil.process_iter(["cwd"])
        alive.update(one.pid for one in there if one.info["cwd"] == str(tmp_path / "run"))
        raise Stop

    with pytest.raises(Stop):
        run(HONEST, data, tmp_path, workers=2, on_progress=look, launch=plain_launch)
    assert len(alive) >= 3  # the agent and both ranks
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in alive):
        assert time.monotonic() < deadline
        time.sleep(0.1)
