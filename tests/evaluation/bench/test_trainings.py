"""Real trainings of a bench at the tiny scale: kept line by line, never done twice, and failures named."""

from pathlib import Path

import pytest

from evaluation.baselines import source
from evaluation.bench.trainings import Training, TrainingFailed, recorded, trained
from evaluation.launch import Exit, plain_launch

SOURCES = {"linear_attention": source("linear_attention")}
WANTED = [("linear_attention", 1), ("linear_attention", 2)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bench") / "results" / "tiny.jsonl"
    seen: list[Training] = []
    found = trained(WANTED, SOURCES, "tiny", file, plain_launch, on_done=seen.append)
    assert sorted(found) == WANTED
    assert len(seen) == 2
    return file


def nobody(*args: object, **named: object) -> Exit:
    raise AssertionError("something was trained twice")


def test_what_is_recorded_is_not_trained_again(done: Path) -> None:
    assert trained(WANTED, SOURCES, "tiny", done, nobody) == recorded(done, "tiny")
    assert recorded(done, "nano") == {}
    one, two = recorded(done, "tiny").values()
    assert one.objectives != two.objectives
    assert set(one.objectives) == {"text_bpb", "recall_loss", "copy_loss"}


def test_a_line_that_was_cut_off_is_dropped(done: Path, tmp_path: Path) -> None:
    cut = tmp_path / "tiny.jsonl"
    cut.write_bytes(done.read_bytes()[:-20])
    assert list(recorded(cut, "tiny")) == WANTED[:1]
    trained(WANTED[:1], SOURCES, "tiny", cut, nobody)
    assert cut.read_bytes().endswith(b"\n")
    assert len(cut.read_bytes().splitlines()) == 1


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("milk\nbread\n")
    with pytest.raises(ValueError, match=r"notes.txt, line 1, is no training"):
        trained(WANTED, SOURCES, "tiny", other, nobody)
    assert other.read_text() == "milk\nbread\n"


def test_a_design_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"broken, seed 1: .*Candidate"):
        trained([("broken", 1)], {"broken": "import torch\n"}, "tiny", tmp_path / "t.jsonl", plain_launch)
