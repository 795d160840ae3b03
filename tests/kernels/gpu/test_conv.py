"""The Triton convolution against a grouped convolution of torch in float64: values, gradients, packed sequences."""

from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.kernels.gpu.agreement import DTYPES, assert_near, doubles

pytest.importorskip("triton")

from kernels.gpu import conv

Activation = Literal["silu"] | None


def assert_same(
    batch: int, length: int, width: int, taps: int, activation: Activation, dtype: torch.dtype, device: str,
    lengths: list[int] | None = None,
) -> None:  # fmt: skip
    """Values and gradients agree with the definition, over each packed sequence of ``lengths`` alone if given."""
    generator = torch.Generator().manual_seed(taps)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device, dtype)

    x, weight, dy = normal(batch, length, width), normal(width, taps), normal(batch, length, width)
    ends = None if lengths is None else torch.tensor([0, *lengths], device=device).cumsum(0)
    dx, dweight = conv.backward(dy, x, weight, activation, ends)
    got = {"y": conv.forward(x, weight, activation, ends), "x": dx, "weight": dweight}
    exact = doubles({"x": x, "weight": weight})
    parts = exact["x"].split(lengths or length, dim=1)
    expected = torch.cat([definition(part, exact["weight"], activation) for part in parts if part.shape[1]], dim=1)
    gradients = torch.autograd.grad(expected, list(exact.values()), dy.double().cpu())
    wanted = {"y": expected} | dict(zip(exact, gradients, strict=True))
    assert_near(got, wanted, {"y": x, "x": x, "weight": weight})


def definition(x: Tensor, weight: Tensor, activation: Activation) -> Tensor:
    y = F.conv1d(F.pad(x.mT, (weight.shape[1] - 1, 0)), weight.unsqueeze(1), groups=weight.shape[0]).mT
    return F.silu(y) if activation == "silu" else y


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["silu", None])
@pytest.mark.parametrize(
    ("batch", "length", "width", "taps"),
    [(1, 1, 1, 4), (3, 2, 5, 4), (2, 63, 33, 4), (1, 65, 32, 1), (2, 70, 17, 2), (1, 40, 16, 8), (1, 30, 3, 11)],
)
def test_values_and_gradients(
    batch: int, length: int, width: int, taps: int, activation: Activation, dtype: torch.dtype, device: str
) -> None:
    assert_same(batch, length, width, taps, activation, dtype, device)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 70),
    width=st.integers(1, 40),
    taps=st.integers(1, 6),
    activation=st.sampled_from(["silu", None]),
    dtype=st.sampled_from(DTYPES),
)
def test_values_and_gradients_of_drawn_shapes(device: str, **drawn: Any) -> None:
    assert_same(device=device, **drawn)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["silu", None])
@pytest.mark.parametrize("lengths", [[50], [1, 2, 3, 40, 1], [5, 0, 70, 2, 3, 0]])
def test_no_tap_crosses_a_boundary(lengths: list[int], activation: Activation, dtype: torch.dtype, device: str) -> None:
    assert_same(1, sum(lengths), 18, 4, activation, dtype, device, lengths)


def test_weights_may_be_wider_than_the_values(device: str) -> None:
    x, weight = torch.randn(1, 9, 4, device=device).half(), torch.randn(4, 3, device=device)
    dx, dweight = conv.backward(torch.ones_like(x), x, weight)
    assert [t.dtype for t in (conv.forward(x, weight), dx, dweight)] == [torch.float16, torch.float16, torch.float32]
