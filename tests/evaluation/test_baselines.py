"""The baselines keep the candidate contract: shapes, types, causality, gradients, and they learn."""

import types

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from evaluation.baselines import Baseline, baselines, source

NAMES = sorted(baselines())


def build(name: str, **kwargs: object) -> nn.Module:
    """Build a baseline from its source text, as the harness does with any candidate."""
    torch.manual_seed(0)
    module = types.ModuleType(name)
    exec(compile(source(name), f"{name}.py", "exec"), module.__dict__)
    return module.Candidate(64, 2, **kwargs)


def test_one_reference_and_only_softmax_is_quadratic() -> None:
    assert [b.name for b in baselines().values() if b.reference] == ["gated_deltanet"]
    assert [b.name for b in baselines().values() if b.quadratic] == ["softmax_attention"]
    assert all(isinstance(b, Baseline) and b.arxiv in source(b.name) for b in baselines().values())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'retnet' is no baseline: choose one of softmax_attention"):
        source("retnet")


@pytest.mark.parametrize("name", NAMES)
def test_a_width_that_heads_do_not_divide_is_named(name: str) -> None:
    build(name)
    module = types.ModuleType(name)
    exec(compile(source(name), f"{name}.py", "exec"), module.__dict__)
    with pytest.raises(ValueError, match="d_model is 65"):
        module.Candidate(65, 2)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_gradients_are_finite_and_reach_every_parameter(name: str) -> None:
    mixer = build(name, unknown_option=1)
    for batch, length in ((1, 1), (3, 97)):
        x = torch.randn(batch, length, 64, requires_grad=True)
        y = mixer(x)
        assert y.shape == x.shape
        assert y.dtype == torch.float32
    y.square().mean().backward()
    for tensor in (x, *mixer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_output_of_a_prefix_is_the_prefix_of_the_output(name: str) -> None:
    mixer = build(name).double()
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        x = torch.randn(2, 50, 64, dtype=torch.float64)
        y = mixer(x)
        for cut in (1, 15, 16, 17, 33, 49):
            torch.testing.assert_close(mixer(x[:, :cut]), y[:, :cut], rtol=0, atol=1e-12 * float(y.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_to_repeat_the_previous_token(name: str) -> None:
    mixer = build(name)
    embedding, head = nn.Embedding(8, 64), nn.Linear(64, 8)
    tokens = torch.randint(8, (16, 32))
    optimiser = torch.optim.Adam([*mixer.parameters(), *embedding.parameters(), *head.parameters()], lr=1e-2)
    losses = []
    for _ in range(30):
        logits = head(mixer(embedding(tokens)))
        loss = F.cross_entropy(logits[:, 1:].flatten(0, 1), tokens[:, :-1].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3


@pytest.mark.parametrize("ablation", [{"use_decay": False}, {"use_conv": False}, {"use_gate": False}])
def test_each_ablation_of_the_reference_takes_something_out(ablation: dict[str, bool]) -> None:
    whole, without = build("gated_deltanet"), build("gated_deltanet", **ablation)
    assert sum(p.numel() for p in without.parameters()) < sum(p.numel() for p in whole.parameters())
    assert without(torch.randn(2, 5, 64)).shape == (2, 5, 64)
