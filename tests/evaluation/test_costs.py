"""What a checked design costs: the counts of a check against the real model's, and states of each kind."""

import functools
import types
from collections.abc import Callable, Iterator

import pytest
import torch

from evaluation import CheckReport, baseline_source, check, scale
from evaluation.checks import complexity
from evaluation.child.meters import Meter
from evaluation.model import Model
from tests.evaluation.unguarded import Unguarded

BROKEN_STEP = """
    def init_state(self, batch_size):
        return self.out.weight.new_zeros(batch_size, 4)

    def step(self, x_t, state):
        if x_t.dtype == torch.float32:
            raise RuntimeError("no float32 here")
        return {step}, state
"""
PLAIN = """
import torch
from torch import nn


class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.mix = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        return self.out(torch.tanh(self.mix(x)).cumsum(1))
"""


Checked = Callable[..., CheckReport]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    with Unguarded() as launch:

        @functools.cache
        def checked(source: str, **options: bool) -> CheckReport:
            return check(source, "tiny", tmp_path_factory.mktemp("check"), launch, **options)

        yield checked


def counted_in_the_model(source: str, name: str, mlp_hidden: int) -> tuple[float, float]:
    """FLOPs per token, forward and with backward, of the whole model on one longest sequence."""
    design = types.ModuleType("design")
    exec(compile(source, "design.py", "exec"), vars(design))
    chosen = scale(name)
    model = Model(design.Candidate, chosen, mlp_hidden, seed=0)
    with Meter() as forward:
        logits = model(torch.randint(chosen.vocabulary, (1, chosen.length)))
    with Meter() as backward:
        torch.autograd.backward(logits, torch.ones_like(logits))
    return forward.flops / chosen.length, (forward.flops + backward.flops) / chosen.length


def test_flops_of_the_whole_model_are_those_that_it_executes(checked: Checked) -> None:
    assert scale("tiny").length not in complexity.LENGTHS
    report = checked(PLAIN)
    assert report.costs is not None
    forward, both = counted_in_the_model(PLAIN, "tiny", report.mlp_hidden)
    assert report.costs.flops_per_token == pytest.approx(forward)
    assert report.costs.training_flops_per_token == pytest.approx(both)
    assert report.costs.length == 64


def test_no_decoding_means_no_state_and_not_an_empty_one(checked: Checked) -> None:
    costs = checked(PLAIN).costs
    assert costs is not None
    assert costs.state_bytes_per_layer is None
    assert costs.state_growth_per_token is None


def test_a_step_that_breaks_in_float32_only_has_no_state(checked: Checked) -> None:
    step = "self.out(torch.tanh(self.mix(x_t)))"
    source = PLAIN.replace(".cumsum(1)", "") + BROKEN_STEP.format(step=step)
    report = checked(source)
    assert report.failure is None
    assert report.costs is not None
    assert report.costs.state_bytes_per_layer is None


def test_states_of_one_sequence_in_bytes(checked: Checked) -> None:
    chosen = scale("tiny")
    linear = checked(baseline_source("linear_attention")).costs
    assert linear is not None
    width = chosen.d_model // chosen.n_heads
    assert linear.state_bytes_per_layer == 4 * chosen.n_heads * (width * width + width)
    assert linear.state_growth_per_token == 0.0

    softmax = checked(baseline_source("softmax_attention"), quadratic=True).costs
    assert softmax is not None
    assert softmax.state_growth_per_token == 4 * 2 * chosen.d_model
    assert softmax.state_bytes_per_layer == 135 * 4 * 2 * chosen.d_model


def test_a_growing_state_is_for_the_harness_alone(checked: Checked) -> None:
    growing = PLAIN.replace(".cumsum(1)", "") + (
        "    def init_state(self, batch_size):\n        return self.out.weight.new_zeros(batch_size, 0)\n\n"
        "    def step(self, x_t, state):\n"
        "        return self.out(torch.tanh(self.mix(x_t))), torch.cat([state, x_t[:, :1]], dim=1)\n"
    )
    rejected = checked(growing)
    assert rejected.failure is not None
    assert rejected.failure.kind == "wrong_step"
    assert "grows" in rejected.failure.message
