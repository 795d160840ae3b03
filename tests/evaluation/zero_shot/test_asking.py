"""What children answer is what the model computes, and a child that lies is found out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from evaluation import Exit, Launch
from evaluation.arrays import read_arrays
from evaluation.jobs import INPUTS_FILE, OUTPUTS_FILE, WEIGHTS_FILE
from evaluation.large.child.saved import saved_model
from evaluation.large.jobs import GREEDY, LENGTHS, LIKELIHOODS, LOGITS, TOKENS
from evaluation.model import Model
from evaluation.zero_shot.asking import ASKED_AGAIN, Asker, Unanswered
from evaluation.zero_shot.rows import Row
from tests.evaluation.large.forked import forked_launch
from tests.evaluation.large.laboratory import HEAD, HIDDEN, HONEST, SCALE, dataset, made_ready

pytestmark = pytest.mark.xdist_group("large")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("corpus"))


def candidate(source: str) -> type[torch.nn.Module]:
    names: dict[str, Any] = {}
    exec(source, names)
    made: type[torch.nn.Module] = names["Candidate"]
    return made


def weights(source: str, folder: Path) -> bytes:
    """Weights that are far from uniform in what they predict."""
    model = Model(candidate(source), SCALE, HIDDEN, seed=1)
    with torch.no_grad():
        model.embedding.weight.mul_(4)
    save_file({f"text.{name}": tensor for name, tensor in model.state_dict().items()}, folder / WEIGHTS_FILE)
    return (folder / WEIGHTS_FILE).read_bytes()


def rows(count: int = 100) -> tuple[list[Row], list[str]]:
    """Rows of 2 to 60 tokens, two of each item, of two tasks."""
    rng = np.random.default_rng(5)
    made = []
    for index in range(count):
        tokens = rng.integers(0, 257, size=int(rng.integers(2, 61))).astype(np.int32)
        made.append(Row(tokens, int(rng.integers(1, len(tokens))), index // 2))
    return made, ["one" if index < count // 2 else "two" for index in range(count)]


def asker(source: str, data: Path, folder: Path, launch: Launch = forked_launch) -> Asker:
    return Asker(source, made_ready(data), HIDDEN, weights(source, folder), folder, launch)


def test_answers_are_the_models_own(data: Path, tmp_path: Path) -> None:
    asked, tasks = rows()
    who = asker(HONEST, data, tmp_path)
    likelihoods, greedy = who.likelihoods(asked, tasks)
    model, _ = saved_model(tmp_path, candidate(HONEST), SCALE, HIDDEN, "cpu")
    for row, nats, best in zip(asked, likelihoods, greedy, strict=True):
        tokens = torch.from_numpy(row.tokens).long()
        with torch.no_grad():
            alone = model(tokens[None, :-1])[0].log_softmax(-1)[-row.scored :]  # no padding, no other row
        expected = alone.gather(1, tokens[-row.scored :, None])[:, 0].numpy()
        assert np.abs(nats - expected).max() < 1e-4
        assert best.tolist() == (alone.argmax(1) == tokens[-row.scored :]).tolist()
    (verdict,) = who.verdicts
    assert verdict.verdict == "pass"
    assert f"{2 * 25} answers" in verdict.evidence  # 25 items of each task, one row each
    assert len(who.endings) == 2


def test_rows_come_in_an_order_that_tells_nothing_and_the_second_child_sees_no_answer(
    data: Path, tmp_path: Path
) -> None:
    asked, tasks = rows(200)
    given: list[list[list[int]]] = []

    def looking(module: str, mode: str, *, folder: Path, **rest: Any) -> Exit:
        inputs = read_arrays(folder / INPUTS_FILE, 10**8)
        given.append([part.tolist() for part in np.split(inputs[TOKENS], np.cumsum(inputs[LENGTHS])[:-1])])
        return forked_launch(module, mode, folder=folder, **rest)

    asker(HONEST, data, tmp_path, looking).likelihoods(asked, tasks)
    shown, again = given
    plain = [row.tokens.tolist() for row in asked]
    assert sorted(shown) == sorted(plain)
    assert shown != plain
    assert len(again) == 2 * ASKED_AGAIN
    owners = [next(row for row in asked if row.tokens.tolist()[: len(cut)] == cut) for cut in again if len(cut) > 2]
    assert len({owner.item for owner in owners}) == len(owners)
    for owner, cut in zip(owners, (cut for cut in again if len(cut) > 2), strict=True):
        assert len(owner.tokens) - owner.scored <= len(cut) < len(owner.tokens)


def forging(change: dict[str, Any]) -> Launch:
    """A launch whose child answers honestly but for ``change``."""

    def launch(module: str, mode: str, *, folder: Path, **rest: Any) -> Exit:
        ending = forked_launch(module, mode, folder=folder, **rest)
        outputs = load_file(folder / OUTPUTS_FILE)
        for name in change.keys() & outputs.keys():
            outputs[name] = change[name](outputs[name])
        save_file({name: array for name, array in outputs.items() if array is not None}, folder / OUTPUTS_FILE)
        return ending

    return launch


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({LIKELIHOODS: torch.zeros_like, GREEDY: torch.ones_like}, "not_causal"),  # certain of all it is asked
        ({GREEDY: torch.ones_like}, "not_causal"),
        ({LIKELIHOODS: lambda nats: nats * 0.9}, "not_causal"),
        ({LOGITS: lambda logits: logits.roll(1, 1)}, "not_causal"),
        ({LIKELIHOODS: lambda nats: nats + 100}, "invalid_output"),
        ({LIKELIHOODS: lambda nats: nats[:-1]}, "invalid_output"),
        ({LIKELIHOODS: lambda nats: nats.double()}, "invalid_output"),
        ({GREEDY: lambda best: None}, "invalid_output"),
        ({LIKELIHOODS: lambda nats: nats * float("nan")}, "non_finite"),
    ],
)
def test_lies_and_nonsense_are_refused(change: dict[str, Any], kind: str, data: Path, tmp_path: Path) -> None:
    asked, tasks = rows()
    who = asker(HONEST, data, tmp_path, forging(change))
    with pytest.raises(Unanswered) as refused:
        who.likelihoods(asked, tasks)
    assert refused.value.failure.kind == kind
    assert not any(verdict.verdict == "pass" for verdict in who.verdicts)


def test_a_layer_that_looks_ahead_when_it_is_scored_is_found_out(data: Path, tmp_path: Path) -> None:
    leaks = HEAD + "        return h.cumsum(1) if self.training else h.flip(1).cumsum(1).flip(1)\n"
    asked, tasks = rows()
    with pytest.raises(Unanswered) as refused:
        asker(leaks, data, tmp_path).likelihoods(asked, tasks)
    assert refused.value.failure.kind == "not_causal"
    assert "(in one, two)" in refused.value.failure.message


def test_a_design_that_raises_is_named_with_its_line(data: Path, tmp_path: Path) -> None:
    raises = HEAD + "        return h + x.no_such_thing\n"
    asked, tasks = rows(4)
    with pytest.raises(Unanswered) as refused:
        asker(raises, data, tmp_path).likelihoods(asked, tasks)
    assert "line" in refused.value.failure.message


def test_answers_survive_small_batches(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, tasks = rows(40)
    whole, _ = asker(HONEST, data, tmp_path).likelihoods(asked, tasks)
    monkeypatch.setattr("evaluation.zero_shot.asking._TOKENS_AT_ONCE", 1)  # less than a row: one at a time
    single, _ = asker(HONEST, data, tmp_path).likelihoods(asked, tasks)
    assert max(float(np.abs(one - other).max()) for one, other in zip(whole, single, strict=True)) < 1e-4
