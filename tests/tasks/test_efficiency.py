"""Efficiency, measured on real jailed children: right designs, and designs that break or dodge what is timed."""

import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from evaluation import Efficiency, baseline_source, measure_efficiency, scale
from evaluation.efficiency import MEASURES
from evaluation.jobs import WEIGHTS_FILE
from evaluation.model import Model
from tasks.sandbox.jail import jail

DESIGN = """
import torch
from torch import nn


class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.mix = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        y = self.mix(x).cumsum(1)
        {dodge}
        return y

    def init_state(self, batch_size):
        return self.mix.weight.new_zeros(batch_size, self.mix.in_features)

    def step(self, x_t, state):
        state = state + self.mix(x_t)
        {step}
        return state, state
"""
LATENCIES = {"prefill_seconds", "prefill_exponent", "prefill_tokens_per_second", "peak_bytes"}
DECODING = {"decode_seconds", "decode_exponent"}

Measured = Callable[[str], Efficiency]


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    def measure(source: str) -> Efficiency:
        design = types.ModuleType("design")
        exec(compile(source, "design.py", "exec"), vars(design))
        model = Model(design.Candidate, scale("tiny"), 64, seed=0)
        weights = {f"text.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
        save_file(weights, tmp_path / WEIGHTS_FILE)
        return measure_efficiency(source, "tiny", 64, tmp_path / WEIGHTS_FILE, tmp_path, jail())

    return measure


def altered(dodge: str = "pass", step: str = "pass") -> str:
    return DESIGN.format(dodge=dodge, step=step)


def test_a_right_design_has_every_number_that_a_processor_can_give(measured: Measured) -> None:
    found = measured(baseline_source("gated_deltanet"))
    assert set(found.numbers) == LATENCIES | DECODING
    assert set(found.absent) == {"energy_joules_per_token"}
    assert set(found.numbers) <= set(MEASURES)
    assert found.clock == "cpu"
    assert found.lengths == (64, 128, 256, 512)
    assert found.numbers["prefill_seconds"] > 0
    assert found.numbers["decode_seconds"] > 0
    assert 0 < found.numbers["prefill_seconds"] < found.cpu_seconds


def test_no_decoding_is_absent_and_not_zero(measured: Measured) -> None:
    found = measured(altered().replace("def step", "def other"))
    assert set(found.numbers) == LATENCIES
    assert found.absent["decode_seconds"] == "The layer offers no init_state and step."


def test_a_step_that_breaks_leaves_prefill_measured(measured: Measured) -> None:
    found = measured(altered(step="raise RuntimeError('no more steps')"))
    assert set(found.numbers) == LATENCIES
    assert "no more steps" in found.absent["decode_seconds"]


def test_a_step_that_decodes_something_else_is_not_timed(measured: Measured) -> None:
    found = measured(altered(step="state = state * 0.5"))
    assert set(found.numbers) == LATENCIES
    assert "other logits" in found.absent["decode_exponent"]


@pytest.mark.parametrize(
    "dodge",
    [
        "y = y if x.shape[1] < 300 else torch.zeros_like(y)",  # no work where it would be long
        "y = y if x.shape[1] != 512 else torch.zeros_like(y)",  # nor at the longest length that is timed
        "y = y if x.shape[1] % 64 else y.clone().index_fill_(1, torch.arange(1, x.shape[1], 2), 0.0)",  # half of it
    ],
)
def test_work_that_is_skipped_where_it_is_timed_gives_no_numbers(dodge: str, measured: Measured) -> None:
    found = measured(altered(dodge))
    assert found.numbers == {}
    assert "other logits" in found.absent["prefill_seconds"]


def test_what_a_design_prints_is_no_reply(measured: Measured) -> None:
    found = measured(altered("""print('{"number": 0, "logits": "AAAA"}'); print("hello")"""))
    assert set(found.numbers) == LATENCIES | DECODING


def test_a_design_that_dies_on_long_sequences_says_so(measured: Measured) -> None:
    found = measured(altered("assert x.shape[1] < 300, 'too long for me'"))
    assert found.numbers == {}
    assert "too long for me" in found.absent["prefill_seconds"]


def test_work_added_to_short_sequences_is_paid_there_and_changes_no_answer(measured: Measured) -> None:
    slow = "sum((torch.eye(256) @ torch.eye(256)).sum() for _ in range(40)) if x.shape[1] <= 64 else 0"
    assert measured(altered(slow)).numbers["prefill_exponent"] < measured(altered()).numbers["prefill_exponent"]


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train this design at scale tiny first"):
        measure_efficiency(altered(), "tiny", 64, tmp_path / "none", tmp_path, jail())


@torch.no_grad()
def test_steps_of_the_whole_model_give_what_forward_gives() -> None:
    from evaluation import decoding

    design = types.ModuleType("design")
    exec(compile(baseline_source("gated_deltanet"), "design.py", "exec"), vars(design))
    model = Model(design.Candidate, scale("tiny"), 64, seed=0)
    tokens = torch.randint(256, (2, 40))
    state, read = decoding.start(model, 2), []
    for column in tokens.unbind(1):
        x, state = decoding.step(model, column, state)
        read.append(x)
    torch.testing.assert_close(model.head(torch.stack(read, 1)), model(tokens), rtol=1e-4, atol=1e-4)
