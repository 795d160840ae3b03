"""Real trainings of a bench at the tiny scale: kept line by line, never done twice, and failures named."""

import json
from pathlib import Path
from threading import Event

import pytest

from evaluation.baselines import source
from evaluation.bench.trainings import Training, TrainingFailed, recorded, trained
from evaluation.jobs import CANDIDATE_FILE
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


@pytest.mark.slow
def test_what_is_recorded_is_not_trained_again(done: Path) -> None:
    assert trained(WANTED, SOURCES, "tiny", done, nobody) == recorded(done, "tiny")
    assert recorded(done, "nano") == {}
    one, two = recorded(done, "tiny").values()
    assert one.objectives != two.objectives
    assert set(one.objectives) == {"text_bpb", "recall_loss", "copy_loss"}


@pytest.mark.slow
def test_a_line_that_was_cut_off_is_dropped(done: Path, tmp_path: Path) -> None:
    cut = tmp_path / "tiny.jsonl"
    cut.write_bytes(done.read_bytes()[:-20])
    assert list(recorded(cut, "tiny")) == WANTED[:1]
    trained(WANTED[:1], SOURCES, "tiny", cut, nobody)
    assert cut.read_bytes().endswith(b"\n")
    assert len(cut.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("text", ["milk\nbread\n", "milk\n", "milk"])
def test_a_foreign_file_is_left_alone(text: str, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text(text)
    with pytest.raises(ValueError, match=r"notes.txt, line 1, is no training"):
        trained(WANTED, SOURCES, "tiny", other, nobody)
    assert other.read_text() == text


@pytest.mark.slow
def test_what_was_made_from_another_source_is_trained_again(done: Path, tmp_path: Path) -> None:
    changed = {"linear_attention": SOURCES["linear_attention"] + "\n"}
    copy = tmp_path / "tiny.jsonl"
    copy.write_bytes(done.read_bytes())
    with pytest.raises(AssertionError, match="trained twice"):
        trained(WANTED, changed, "tiny", copy, nobody)
    lines = [json.loads(line) for line in copy.read_text().splitlines()]
    assert len({line.pop("made_from") for line in lines}) == 1
    copy.write_text("".join(json.dumps(line) + "\n" for line in lines))  # as kept before sources were told apart
    assert sorted(trained(WANTED, changed, "tiny", copy, nobody)) == WANTED


def test_an_interruption_is_passed_on_while_others_run(tmp_path: Path) -> None:
    running, told = Event(), Event()
    in_time: list[bool] = []

    def launch(module: str, mode: str, *, folder: Path, **_: object) -> Exit:
        if (folder / CANDIDATE_FILE).read_text().endswith("# interrupted"):
            assert running.wait(20)
            raise KeyboardInterrupt
        running.set()
        in_time.append(told.wait(20))
        raise AssertionError("ended by the caller, who was told")

    sources = {name: f"{SOURCES['linear_attention']}# {name}" for name in ("interrupted", "running")}
    with pytest.raises(KeyboardInterrupt):
        trained([(name, 1) for name in sources], sources, "tiny", tmp_path / "t.jsonl", launch, parallel=2)
    assert not in_time
    told.set()


def test_a_design_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"broken, seed 1: .*Candidate"):
        trained([("broken", 1)], {"broken": "import torch\n"}, "tiny", tmp_path / "t.jsonl", plain_launch)
