"""Scores cannot be forged: designs past the gate, in no jail, are caught or gain nothing over an honest twin."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from evaluation import BenchmarkReport, Exit, Launch, Limits, TrainReport, benchmark, objectives_of, train
from evaluation.arrays import read_arrays
from evaluation.asking import blind, whole
from evaluation.corpus import corpus
from evaluation.jobs import WEIGHTS_FILE
from evaluation.questions import held_out
from evaluation.scales import scale
from tests.evaluation.forgeries import TWIN, keeping, scoring, training
from tests.evaluation.unguarded import Unguarded

SEED, HIDDEN = 3, 80
NOISE = (
    0.05  # nats and bits: what a design may gain by luck at this scale, where an honest one differs from chance by 2
)


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    with Unguarded() as opened:
        yield opened


@pytest.fixture(scope="module")
def twin(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """The honest twin's weights and scores."""
    folder = tmp_path_factory.mktemp("twin")
    trained, scored = both(TWIN, folder, launch)
    assert trained.failure is None
    assert scored.failure is None
    return folder / WEIGHTS_FILE, scored.objectives


def both(source: str, folder: Path, launch: Launch) -> tuple[TrainReport, BenchmarkReport]:
    trained = train(source, "tiny", SEED, HIDDEN, folder, launch)
    assert trained.failure is None, trained.failure
    return trained, benchmark(source, "tiny", SEED, HIDDEN, folder / WEIGHTS_FILE, folder, launch)


def scored_with(source: str, weights: Path, folder: Path, launch: Launch) -> BenchmarkReport:
    return benchmark(source, "tiny", SEED, HIDDEN, weights, folder, launch)


def assert_gains_nothing(report: BenchmarkReport, honest: dict[str, float], noise: float = NOISE) -> None:
    assert report.failure is None
    assert set(report.objectives) == set(objectives_of("tiny"))
    gains = {name: honest[name] - report.objectives[name] for name in honest}  # all are better when lower
    assert max(gains.values()) <= noise, gains


def assert_caught(report: BenchmarkReport) -> None:
    assert report.failure is not None
    assert report.failure.kind == "not_causal"
    assert report.objectives == {}
    assert report.verdicts[0].verdict == "fail"


Twin = tuple[Path, dict[str, float]]


def first(count: int, cases: Mapping[str, object]) -> list[Any]:
    """The first ``count`` cases as they are; the others only where there is time."""
    return [name if number < count else pytest.param(name, marks=pytest.mark.slow) for number, name in enumerate(cases)]


@pytest.mark.parametrize("when", scoring.LEAKS)
def test_leak_that_opens_when_scored(when: str, twin: Twin, tmp_path: Path, launch: Launch) -> None:
    assert_caught(scored_with(scoring.LEAKS[when], twin[0], tmp_path, launch))


def test_leak_behind_a_gain_that_training_opens(tmp_path: Path, launch: Launch) -> None:
    _, report = both(scoring.LEAKS_ONCE_TRAINED, tmp_path, launch)
    assert_caught(report)
    gain = read_arrays(tmp_path / WEIGHTS_FILE, 2**24)["text.layers.0.mixer.gain"]
    assert abs(float(gain[0])) > 1e-3  # it was 0 when training began


@pytest.mark.parametrize("where", scoring.OTHER_ROWS)
def test_answers_from_other_rows(where: str, twin: Twin, tmp_path: Path, launch: Launch) -> None:
    assert_caught(scored_with(scoring.OTHER_ROWS[where], twin[0], tmp_path, launch))


@pytest.mark.parametrize("where", scoring.KNOWS_THE_FUTURE)
def test_answers_from_the_inputs_of_the_child(where: str, twin: Twin, tmp_path: Path, launch: Launch) -> None:
    assert_caught(scored_with(scoring.KNOWS_THE_FUTURE[where], twin[0], tmp_path, launch))


def test_answers_written_without_the_model(twin: Twin, tmp_path: Path, launch: Launch) -> None:
    assert_caught(scored_with(scoring.WRITES_ITS_ANSWERS, twin[0], tmp_path, launch))


@pytest.mark.parametrize("what", scoring.MALFORMED)
def test_logits_that_are_not_what_was_asked_for(what: str, twin: Twin, tmp_path: Path, launch: Launch) -> None:
    report = scored_with(scoring.leaving(scoring.MALFORMED[what]), twin[0], tmp_path, launch)
    assert report.failure is not None
    assert report.failure.kind == ("non_finite" if what == "not finite" else "invalid_output")
    assert report.objectives == {}


@pytest.mark.parametrize("how", first(3, training.FALSE_LOSSES))
def test_false_losses_gain_nothing(how: str, twin: Twin, tmp_path: Path, launch: Launch) -> None:
    trained, report = both(training.FALSE_LOSSES[how], tmp_path, launch)
    assert_gains_nothing(report, twin[1])
    if how != "losses of the parent":
        shown = {task: points[-1][1] for task, points in trained.curves.items()}
        assert shown["text"] < report.objectives["text_bpb"] * np.log(2) - 1  # the lie was told, and is no score


@pytest.mark.parametrize("how", first(2, training.READS_LABELS))
def test_labels_that_are_read_gain_nothing(how: str, twin: Twin, tmp_path: Path, launch: Launch) -> None:
    trained, report = both(training.READS_LABELS[how], tmp_path, launch)
    assert trained.curves["text"][-1][1] < twin[1]["text_bpb"] * np.log(2) - 0.5  # it did read them
    assert_gains_nothing(report, twin[1])


@pytest.mark.parametrize("how", ["KEEPS_IN_THE_HEADER", "KEEPS_IN_THE_PROCESS"])
def test_what_was_memorised_does_not_reach_the_scoring_child(
    how: str, twin: Twin, tmp_path: Path, launch: Launch
) -> None:
    raw = tmp_path / "raw"

    def copying(module: str, mode: str, *, folder: Path, limits: Limits, **others: Any) -> Exit:
        ending = launch(module, mode, folder=folder, limits=limits, **others)
        if mode == "train":
            shutil.copyfile(folder / WEIGHTS_FILE, raw)
        return ending

    source = getattr(keeping, how)
    trained, report = both(source, tmp_path, copying)
    assert trained.curves["text"][-1][1] < twin[1]["text_bpb"] * np.log(2) - 0.5  # it did help while it was there
    assert_gains_nothing(report, twin[1])
    with safe_open(tmp_path / WEIGHTS_FILE, "np") as file:
        assert file.metadata() is None
    if how == "KEEPS_IN_THE_HEADER":  # and with the child's own file it would have gained
        unwashed = scored_with(source, raw, tmp_path, launch)
        assert unwashed.objectives["text_bpb"] < twin[1]["text_bpb"] - 0.5


def test_hidden_parameters_are_gone_when_scored(twin: Twin, tmp_path: Path, launch: Launch) -> None:
    _, report = both(keeping.HIDDEN_PARAMETERS, tmp_path, launch)
    assert_gains_nothing(report, twin[1])


def test_parameters_in_buffers_are_counted(tmp_path: Path, launch: Launch) -> None:
    report = train(keeping.BUFFERS, "tiny", SEED, HIDDEN, tmp_path, launch)
    assert report.failure is not None
    assert report.failure.kind == "too_many_parameters"


@pytest.mark.parametrize("what", first(6, keeping.RETURNS))
def test_weights_that_are_not_what_was_asked_for(what: str, tmp_path: Path, launch: Launch) -> None:
    kind, change = keeping.RETURNS[what]
    report = train(keeping.returning(change), "tiny", SEED, HIDDEN, tmp_path, launch)
    assert report.failure is not None
    assert report.failure.kind == kind, report.failure
    assert list(tmp_path.iterdir()) == []


def test_weights_of_other_code(tmp_path: Path, launch: Launch) -> None:
    _, report = both(keeping.OTHER_CODE, tmp_path, launch)
    assert report.failure is not None
    assert report.failure.kind == "crashed"
    assert "Missing key" in report.failure.message


def test_training_for_longer_ends_at_the_compute_limit(tmp_path: Path, launch: Launch) -> None:
    report = train(training.TRAINS_LONGER, "tiny", SEED, HIDDEN, tmp_path, launch, cpu_limit=3.0)
    assert report.failure is not None
    assert report.failure.kind == "too_slow"
    assert list(tmp_path.iterdir()) == []


def test_weights_overwritten_while_scoring_change_nothing(twin: Twin, tmp_path: Path, launch: Launch) -> None:
    weights = tmp_path / WEIGHTS_FILE
    weights.write_bytes(twin[0].read_bytes())
    report = scored_with(scoring.OVERWRITES, weights, tmp_path, launch)
    assert weights.read_bytes() == b"other weights"  # nothing but a jail keeps a child from that
    assert report.failure is not None or report.weights_sha256 == hashlib.sha256(twin[0].read_bytes()).hexdigest()


def test_every_row_is_asked_blind_once_and_nothing_true_follows_its_cut() -> None:
    tiny, texts = scale("tiny"), corpus()
    questions = held_out(tiny, texts, "validation")
    hidden = blind(tiny, questions, texts, np.random.default_rng(0))
    for q in questions:
        own = [asked for asked in hidden if asked.questions is q]
        assert sum(len(asked.tokens) for asked in own) == len(q.tokens)
        assert sum(asked.last.sum() for asked in own) == len(q.tokens)  # one blind position a row
        scored = np.argwhere(q.scored)
        for asked in own:
            for row in range(len(asked.tokens)):
                mine = asked.positions[:, 0] == row
                source = scored[asked.answers[mine]]
                assert len(set(source[:, 0])) == 1
                columns = asked.positions[mine, 1]
                assert (source[:, 1] == columns).all()
                cut = columns.max() + 1
                true, shown = q.tokens[source[0, 0]], asked.tokens[row]
                assert (shown[:cut] == true[:cut]).all()
                assert len(shown) <= cut + 2 or (shown[cut:] != true[cut : len(shown)]).any()


def test_the_whole_is_asked_in_another_order_than_it_was_drawn() -> None:
    tiny, texts = scale("tiny"), corpus()
    questions = held_out(tiny, texts, "validation")
    for q, asked in zip(questions, whole(questions, np.random.default_rng(0)), strict=True):
        assert not np.array_equal(asked.tokens, q.tokens)
        assert sorted(asked.answers) == list(range(len(q.answers)))
        shown = asked.tokens[asked.positions[:, 0], asked.positions[:, 1]]
        assert (shown == q.tokens[q.scored][asked.answers]).all()
