"""linear_scan and short_conv over packed sequences: each sequence as if it were alone, values and gradients."""

from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels import linear_scan, short_conv
from kernels.recurrence import conv_recurrence, scan_recurrence

SOME = settings(max_examples=25, deadline=None, derandomize=True)
LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=5)


def borders(lengths: list[int]) -> Tensor:
    return torch.tensor([0, *lengths]).cumsum(dim=0)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


def assert_same(got: Tensor, wanted: Tensor, arguments: list[Tensor]) -> None:
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    weights = torch.randn_like(wanted)
    for x, y in zip(
        torch.autograd.grad(got, arguments, weights), torch.autograd.grad(wanted, arguments, weights), strict=True
    ):
        torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)


@SOME
@given(lengths=LENGTHS, width=st.integers(1, 4), state=st.booleans())
def test_the_scan_starts_anew_at_each_border(lengths: list[int], width: int, state: bool) -> None:
    a = normal(1, sum(lengths), width).sigmoid().detach().requires_grad_()
    arguments = [a, normal(1, sum(lengths), width)] + ([normal(len(lengths), width)] if state else [])
    initial = arguments[2] if state else None
    got = linear_scan(*arguments[:2], initial, borders(lengths))
    states = initial.split(1) if initial is not None else [None] * len(lengths)
    parts = zip(a.split(lengths, dim=1), arguments[1].split(lengths, dim=1), states, strict=True)
    assert_same(got, torch.cat([scan_recurrence(*part) for part in parts], dim=1), arguments)


@SOME
@given(lengths=LENGTHS, width=st.integers(1, 4), taps=st.integers(1, 6), activation=st.sampled_from(["silu", None]))
def test_no_tap_reaches_over_a_border(
    lengths: list[int], width: int, taps: int, activation: Literal["silu"] | None
) -> None:
    x, weight = normal(1, sum(lengths), width), normal(width, taps)
    got = short_conv(x, weight, activation, borders(lengths))
    alone = torch.cat([conv_recurrence(part, weight) for part in x.split(lengths, dim=1)], dim=1)
    wanted = torch.nn.functional.silu(alone) if activation else alone
    assert_same(got, wanted, [x, weight])


def test_bad_borders_are_named() -> None:
    x = torch.zeros(1, 10, 3)
    with pytest.raises(ValueError, match=r"cu_seqlens is \[0, 7, 3, 10\].*rise from 0 to T = 10"):
        linear_scan(x, x, cu_seqlens=torch.tensor([0, 7, 3, 10]))
    with pytest.raises(ValueError, match="rise from 0 to T = 10"):
        short_conv(x, torch.zeros(3, 4), cu_seqlens=torch.tensor([0, 9]))
    with pytest.raises(ValueError, match="cu_seqlens needs a batch of 1, but B is 2"):
        short_conv(torch.zeros(2, 10, 3), torch.zeros(3, 4), cu_seqlens=torch.tensor([0, 10]))


@pytest.mark.parametrize("name", ["a", "b"])
def test_tensors_that_are_not_contiguous_are_named(name: str) -> None:
    given = {"a": torch.zeros(1, 10, 3), "b": torch.zeros(1, 10, 3)} | {name: torch.zeros(1, 3, 10).mT}
    with pytest.raises(ValueError, match=rf"{name} \[1, 10, 3\] has strides.*call {name}.contiguous"):
        linear_scan(**given)
