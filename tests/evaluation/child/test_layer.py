"""Layers under test: counters set far ahead, and float64 that stays float64."""

import pytest
import torch
from torch import Tensor, nn

from evaluation.child.layer import Layers
from evaluation.jobs import CheckJob


class Drifting(nn.Module):
    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.calls = 0
        self.register_buffer("seen", torch.zeros(()))
        self.fixed = 3

    def forward(self, x: Tensor) -> Tensor:
        global total
        self.calls += 1
        self.seen += 2.0
        total += 1
        return x


total = 0


def test_counters_are_found_and_set_far_ahead() -> None:
    layers = Layers(Drifting, CheckJob(d_model=4, n_heads=1, seed=0, calls=()))
    layer = layers.built(0)
    assert isinstance(layer, Drifting)
    layers.advance(layer)
    assert layer.calls > 10_000
    assert float(layer.seen) > 20_000  # type: ignore[arg-type]
    assert layer.fixed == 3
    assert total > 10_000


class Casting(nn.Module):
    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.p = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        y = self.p(x).float().to(torch.float32)
        return (y + torch.zeros(1, dtype=torch.float32)).to(x.dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_casts_inside_a_layer_do_not_cost_float64_its_precision(dtype: torch.dtype) -> None:
    layers = Layers(Casting, CheckJob(d_model=4, n_heads=1, seed=0, calls=()))
    x = torch.randn(1, 3, 4, dtype=dtype)
    with layers.precision(dtype):
        layer = layers.fresh("init", dtype)
        y = layer(x)
    exact = x.double() @ layer.p.weight.double().mT + layer.p.bias.double()
    assert y.dtype == dtype
    assert torch.allclose(y.double(), exact, rtol=0, atol=1e-14 if dtype == torch.float64 else 1e-5)
    assert torch.get_default_dtype() == torch.float32
