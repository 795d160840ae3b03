"""Scores of a large run: what the losses of the saved weights say, and that they are causal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from evaluation import Exit
from evaluation.arrays import read_arrays
from evaluation.data.shards import read_dataset, stream
from evaluation.data.windows import held_out_rows
from evaluation.jobs import OUTPUTS_FILE, WEIGHTS_FILE
from evaluation.large.jobs import CHECKPOINT_FILE, LOSSES, TARGETS, TOKENS
from evaluation.large.place import place_of
from evaluation.large.scoring import benchmark
from tests.evaluation.large.forked import forked_launch
from tests.evaluation.large.laboratory import HEAD, HIDDEN, HONEST, SCALE, dataset, made_ready, run

pytestmark = pytest.mark.xdist_group("large")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def weights(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert run(HONEST, data, folder).failure is None
    return folder / WEIGHTS_FILE


def score(source: str, data: Path, weights: Path, folder: Path, launch: Any = forked_launch, **options: Any) -> Any:
    return benchmark(source, made_ready(data), 3, HIDDEN, weights, folder, launch, **options)


def model_losses(data: Path, weights: Path, split: Any) -> np.ndarray:
    """The same losses by another way: the whole model in float64, row by row."""
    import torch

    from evaluation.model import Model

    space: dict[str, Any] = {}
    exec(HONEST, space)
    model = Model(space["Candidate"], SCALE, HIDDEN, 0)
    stored = read_arrays(weights, 10**8)
    model.load_state_dict({name.removeprefix("text."): torch.tensor(array) for name, array in stored.items()})
    rows = held_out_rows(stream(data, read_dataset(data), split), 32, SCALE.run.rows)
    logits = model.double()(torch.from_numpy(rows[:, :-1])).detach().numpy()
    chosen = np.take_along_axis(logits, rows[:, 1:, None], axis=2)[:, :, 0]
    return np.log(np.exp(logits).sum(axis=2)) - chosen


@pytest.mark.parametrize("split", ["validation", "holdout"])
def test_bits_per_byte(split: Any, data: Path, weights: Path, tmp_path: Path) -> None:
    report = score(HONEST, data, weights, tmp_path, split=split)
    assert report.failure is None
    losses = model_losses(data, weights, split)
    rows = held_out_rows(stream(data, read_dataset(data), split), 32, SCALE.run.rows)
    spelt = int((rows[:, 1:] < 256).sum())  # ends of documents stand for no byte, but must be predicted
    assert 0 < spelt < rows[:, 1:].size
    assert report.objectives == {"text_bpb": pytest.approx(losses.sum() / np.log(2) / spelt, rel=1e-5)}
    assert report.details["scored_bytes"] == spelt
    assert report.split == split
    assert "fresh child process" in report.scored_by
    assert report.corpus == read_dataset(data).fingerprint
    assert report.verdicts[0].verdict == "pass"
    assert list(tmp_path.iterdir()) == []


def test_a_leak_that_opens_when_scored_is_caught(data: Path, weights: Path, tmp_path: Path) -> None:
    leaks = HEAD + (
        "        if not self.training:\n            h = torch.roll(h, -1, 1)\n"
        "        return h.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]\n"
    )
    report = score(leaks, data, weights, tmp_path)
    assert report.failure is not None
    assert report.failure.kind == "not_causal"
    assert report.objectives == {}


def test_a_leak_of_nothing_but_the_next_token_is_caught(data: Path, tmp_path: Path) -> None:
    """It reads the target itself, and one layer does not carry it further."""
    one_layer = SCALE.model_copy(update={"n_layers": 1})
    peeks = HEAD + "        return h if self.training else F.pad(h[:, 1:], (0, 0, 0, 1))\n"
    assert run(peeks, data, tmp_path, one_layer).failure is None
    report = benchmark(peeks, made_ready(data, one_layer), 3, HIDDEN, tmp_path / WEIGHTS_FILE, tmp_path, forked_launch)
    assert report.failure is not None
    assert report.failure.kind == "not_causal"


@pytest.mark.parametrize(
    ("forged", "kind"),
    [
        (None, "invalid_output"),
        (np.zeros((6, 31), np.float32), "invalid_output"),
        (np.zeros((6, 32), np.float64), "invalid_output"),
        (np.full((6, 32), -1, np.float32), "invalid_output"),
        (np.full((6, 32), np.nan, np.float32), "non_finite"),
    ],
)
def test_losses_of_the_wrong_kind_are_refused(
    forged: Any, kind: str, data: Path, weights: Path, tmp_path: Path
) -> None:
    def forge(module: str, mode: str, *, folder: Path, **rest: Any) -> Exit:
        if forged is not None:
            save_file({LOSSES: forged}, folder / OUTPUTS_FILE)
        return Exit(
            returncode=0, ended="exited", wall_seconds=1, cpu_seconds=1, peak_bytes=1, stderr_tail="", sandbox={}
        )

    report = score(HONEST, data, weights, tmp_path, forge)
    assert report.failure is not None
    assert report.failure.kind == kind
    assert report.objectives == {}


def test_the_blind_child_does_not_see_what_followed(data: Path, weights: Path, tmp_path: Path) -> None:
    given = []

    def looking(module: str, mode: str, *, folder: Path, **rest: Any) -> Exit:
        given.append(read_arrays(folder / "inputs.safetensors", 10**8))
        return forked_launch(module, mode, folder=folder, **rest)

    assert score(HONEST, data, weights, tmp_path, looking).failure is None
    shown, blind = given
    kept = []
    changed = []
    for name in (TOKENS, TARGETS):
        assert blind[name].shape == (SCALE.run.prefix_rows, 32)
        same = np.logical_and.accumulate(blind[name] == shown[name][: SCALE.run.prefix_rows], axis=1).sum(axis=1)
        for before, after, cut in zip(shown[name], blind[name], same, strict=False):
            assert 1 <= cut < 32
            changed.append(before[cut:] != after[cut:])
        kept.append(same)
    assert np.concatenate(changed).mean() > 0.5  # redrawn from other text: a few are equal by chance
    assert (np.abs(np.subtract(*kept)) <= 2).all()  # as many tokens as targets, but for chance


def test_no_weights_is_the_callers_mistake(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train this design at scale small first"):
        score(HONEST, data, tmp_path / "none", tmp_path)


def test_only_a_checkpoint_of_the_same_run_is_kept(tmp_path: Path) -> None:
    def leave(place: Path) -> None:
        save_file({"x": np.zeros(1)}, place / CHECKPOINT_FILE, metadata={"identity": "mine"})
        (place / "note.py").write_text("for the next child")
        (place / "logs").mkdir()

    with place_of(tmp_path, "source", "mine", False) as place:
        leave(place)
    assert [file.name for file in place.iterdir()] == [CHECKPOINT_FILE]
    with place_of(tmp_path, "source", "mine", True) as again:
        assert sorted(file.name for file in again.iterdir()) == ["candidate.py", CHECKPOINT_FILE]
    (place / CHECKPOINT_FILE).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="belongs to a run of another"), place_of(tmp_path, "source", "mine", True):
        pass
    (place / CHECKPOINT_FILE).unlink()
    (place / CHECKPOINT_FILE).symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="belongs to a run of another"), place_of(tmp_path, "source", "mine", True):
        pass
