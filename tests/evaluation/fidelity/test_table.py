"""Rows of real trainings with checkpoints, and a table that goes on where it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.baselines import source
from evaluation.fidelity.growing import grow, trainings
from evaluation.fidelity.panel import baseline_entries, best_first, panel_of
from evaluation.fidelity.study import fidelity_study
from evaluation.fidelity.table import SHARES, Entry, Row, recorded, scale_sha256
from evaluation.fidelity.trainings import train_row
from evaluation.jobs import WEIGHTS_FILE, checkpoint_file, checkpoint_steps
from evaluation.launch import Exit, Launch
from evaluation.scales import frame
from evaluation.training import train
from tests.evaluation.fidelity import synthetic
from tests.evaluation.unguarded import Unguarded

LINEAR = Entry(name="drawn", source=source("linear_attention") + "# drawn\n", number=1)
BROKEN = Entry(name="broken", source="import torch\n", number=2)


def write(file: Path, rows: list[Row]) -> Path:
    file.write_text("".join(row.model_dump_json() + "\n" for row in rows))
    return file


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    with Unguarded() as opened:
        yield opened


@pytest.fixture(scope="module")
def row(launch: Launch) -> Row:
    return train_row(LINEAR, "tiny-constant", 1, launch)


@pytest.mark.slow
def test_a_row_has_scores_at_every_checkpoint(row: Row) -> None:
    assert row.failure is None
    assert tuple(point.share for point in row.points) == SHARES
    text = [point.objectives["text_bpb"] for point in row.points]
    assert text[-1] < text[-2] < text[-3]  # the rate never falls, and 12 steps are far from enough
    assert row.points[-1].losses.keys() == {
        "text_loss",
        "recall_4_loss",
        "recall_16_loss",
        "copy_2_loss",
        "copy_8_loss",
    }
    assert min(row.check_cpu_seconds, row.train_cpu_seconds, row.scoring_cpu_seconds) > 0.1
    assert {task: curve[-1][0] for task, curve in row.untrusted_losses.items()} == {
        "text": 12,
        "recall": 12,
        "copy": 12,
    }
    assert Row.model_validate_json(row.model_dump_json()) == row


@pytest.mark.slow
def test_checkpoints_change_no_training_and_are_what_a_run_cut_short_ends_with(launch: Launch, tmp_path: Path) -> None:
    def weights(steps: int, schedule: str = "constant", checkpoints: tuple[float, ...] = ()) -> bytes:
        own = tmp_path / "own.toml"
        task = f'task = "text"\nbatch = 8\nlength = 32\nsteps = {steps}\nlearning_rate = 5e-3\nwarmup = 2\nrows = 8'
        own.write_text(f'like = "tiny"\ntitle = "text alone"\nschedule = "{schedule}"\n[[tasks]]\n{task}\n')
        frame.cache_clear()
        report = train(LINEAR.source, str(own), 1, 80, tmp_path, launch, checkpoints=checkpoints)
        assert report.failure is None
        return (tmp_path / WEIGHTS_FILE).read_bytes()

    whole = weights(8, checkpoints=(0.5,))
    halfway = (tmp_path / checkpoint_file(0)).read_bytes()
    assert weights(8) == whole
    assert weights(4) == halfway
    assert weights(4, schedule="fall") != halfway


def test_checkpoints_lie_within_a_training() -> None:
    assert checkpoint_steps(150, SHARES) == [9, 19, 38, 75, 150]
    assert checkpoint_steps(3, (0.01, 2.0)) == [1, 3]


def test_a_refused_design_is_a_row_with_its_reason(launch: Launch) -> None:
    failed = train_row(BROKEN, "tiny-constant", 1, launch)
    assert failed.stage == "check"
    assert failed.failure is not None
    assert failed.failure.kind == "no_candidate"
    assert failed.points == ()


def nobody(*args: object, **named: object) -> Exit:
    raise AssertionError("something was trained twice")


def test_only_what_is_missing_is_trained_and_a_cut_line_is_dropped(launch: Launch, tmp_path: Path) -> None:
    kept = synthetic.rows(designs=0, failed=0)
    broken = [BROKEN, BROKEN.model_copy(update={"name": "as broken", "source": "import math\n"})]
    file = write(tmp_path / "table.jsonl", kept)
    file.write_bytes(file.read_bytes() + b'{"version": 1, "sca')  # killed while it wrote
    seen: list[Row] = []
    rows = grow(broken, "tiny-constant", file, launch, top=0, on_done=seen.append)
    assert [one.design for one in seen] == ["broken", "as broken"]
    assert len(rows) == len(file.read_bytes().splitlines()) == len(kept) + 2
    assert recorded(file, "tiny-constant") == rows
    assert grow(broken, "tiny-constant", file, nobody, top=0) == rows
    assert recorded(file, "tiny") == {}


def test_lines_of_another_plan_of_the_scale_do_not_count(tmp_path: Path) -> None:
    first, second, third = synthetic.rows(designs=0, failed=0)[:3]
    others = [
        second.model_copy(update={"scale_sha256": "0" * 64}),
        third.model_copy(update={"scale_sha256": scale_sha256("tiny-constant")}),
    ]
    found = recorded(write(tmp_path / "table.jsonl", [first, *others]), "tiny-constant")
    assert list(found.values()) == [first, others[1]]


def test_the_fittest_get_further_seeds(tmp_path: Path) -> None:
    rows = synthetic.rows(designs=8, failed=1)
    file = write(tmp_path / "table.jsonl", rows)
    known = recorded(file, "tiny-constant")
    drawn = [Entry(name=one.design, source=f"# {one.number}\n", number=one.number) for one in rows if one.number]
    best = best_first(drawn, known, panel_of(known))
    assert len(best) == 8
    finals = [known[one.sha256, 1].final["text_bpb"] for one in best]
    assert finals == sorted(finals)
    seen: list[Row] = []
    grow(drawn, "tiny-constant", file, nobody, top=2, on_done=seen.append)  # their text is refused before any child
    assert [(one.design, one.seed) for one in seen] == [(one.name, seed) for seed in (2, 3) for one in best[:2]]
    assert trainings(250, 50) == 15 + 250 + 100


def test_a_foreign_file_and_missing_baselines_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("milk\nbread\n")
    with pytest.raises(ValueError, match=r"notes, line 1, is no training of this table"):
        recorded(tmp_path / "notes", "tiny-constant")
    drawn = [one for one in synthetic.rows() if one.number is not None]
    with pytest.raises(ValueError, match="0 of 3 trainings of the baseline gated_deltanet"):
        fidelity_study(write(tmp_path / "table.jsonl", drawn), "tiny-constant")


def test_a_study_of_a_partial_table_says_what_it_stands_on(tmp_path: Path) -> None:
    file = write(tmp_path / "table.jsonl", synthetic.rows(designs=60))
    found = fidelity_study(file, "tiny-constant")
    assert (found.designs, found.three_seeds, found.failed) == (60, 0, {"too_slow": 2})
    assert found.truth.startswith("the first seed alone")
    assert [rung.same_seed.value for rung in found.rungs] == pytest.approx([1.0] * len(SHARES))
    assert all(one.recall.value == 1.0 and one.saving.value > 3 for one in found.ladders)
    assert found.ladders_with_seeds == ()
    assert all(one.false_kills.count == 0 and one.saved > 0.3 for one in found.stopping)
    assert fidelity_study(file, "tiny-constant") == found


def test_a_study_with_further_seeds(tmp_path: Path) -> None:
    found = fidelity_study(write(tmp_path / "t.jsonl", synthetic.rows(designs=80, top=40, told=0.0)), "tiny-constant")
    assert found.three_seeds == 40
    assert found.truth == "the mean of three seeds"
    assert len(found.ladders_with_seeds) == 2
    assert found.rungs[-1].other_seeds is not None
    assert 0.8 < found.rungs[-1].other_seeds.value < 1.0
    assert all(one.stopped.share < 0.5 for one in found.stopping)


def test_too_few_designs_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "table.jsonl", synthetic.rows(designs=30))
    with pytest.raises(ValueError, match="has 30 designs that trained to the end, and at least 40 are needed"):
        fidelity_study(file, "tiny-constant")


def test_baselines_begin_with_the_reference() -> None:
    assert baseline_entries()[0].name == "gated_deltanet"
