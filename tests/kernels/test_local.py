"""The ops without a long memory: short_conv, the norms, rotary positions and window attention."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels import (
    conv_step,
    delta_step,
    l2_norm,
    linear_scan,
    rms_norm_gate,
    rotary,
    scan_step,
    short_conv,
    window_attention,
)

SOME = settings(max_examples=20, deadline=None, derandomize=True)


def assert_same(op: Callable[..., Tensor], definition: Callable[..., Tensor], *arguments: Tensor) -> None:
    """Equal values and equal gradients in every argument, in float64; narrower types are kept, and near."""
    arguments = tuple(x.double().requires_grad_() for x in arguments)
    got, wanted = op(*arguments), definition(*arguments)
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)
    weights = torch.randn_like(wanted)
    for x, y in zip(
        torch.autograd.grad(got, arguments, weights), torch.autograd.grad(wanted, arguments, weights), strict=True
    ):
        torch.testing.assert_close(x, y, rtol=1e-10, atol=1e-10)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 0.1), (torch.float16, 2e-2)):
        narrow = op(*(x.detach().to(dtype) for x in arguments))
        assert narrow.dtype == dtype
        error = (narrow.double() - wanted.detach()).norm() / (wanted.detach().norm() + 1e-3)
        assert error < tolerance, f"{dtype}: relative error {error:.1e}"


@SOME
@given(
    batch=st.integers(1, 2),
    length=st.integers(1, 12),
    width=st.integers(1, 5),
    taps=st.integers(1, 6),
    activation=st.sampled_from(["silu", None]),
)
def test_short_conv_is_a_causal_depthwise_convolution(
    batch: int, length: int, width: int, taps: int, activation: str | None
) -> None:
    def definition(x: Tensor, weight: Tensor) -> Tensor:
        padded = F.pad(x.mT, (taps - 1, 0))
        y = F.conv1d(padded, weight.unsqueeze(1), groups=width).mT
        return F.silu(y) if activation == "silu" else y

    assert_same(
        lambda x, weight: short_conv(x, weight, activation),
        definition,
        torch.randn(batch, length, width),
        torch.randn(width, taps),
    )


@SOME
@given(lead=st.lists(st.integers(1, 4), max_size=3), width=st.integers(2, 40))
def test_rms_norm_gate_and_l2_norm(lead: list[int], width: int) -> None:
    shape = (*lead, width)

    def normed(x: Tensor, weight: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight

    x, weight, gate = torch.randn(shape), torch.randn(width), torch.randn(shape)
    assert_same(rms_norm_gate, normed, x, weight)
    assert_same(rms_norm_gate, lambda x, weight, gate: normed(x, weight) * gate * gate.sigmoid(), x, weight, gate)
    assert_same(l2_norm, lambda x: x / (x.square().sum(-1, keepdim=True) + 1e-6).sqrt(), x)


def test_gradients_by_finite_differences() -> None:
    def random(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64).requires_grad_()

    for op, shapes in (
        (short_conv, ((2, 9, 3), (3, 4))),
        (rms_norm_gate, ((5, 7), (7,), (5, 7))),
        (l2_norm, ((5, 7),)),
    ):
        assert torch.autograd.gradcheck(op, tuple(random(*shape) for shape in shapes), fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    def random(*shape: int) -> Tensor:
        return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))

    calls: dict[Callable[..., Any], tuple[Tensor, ...]] = {
        short_conv: (random(2, 9, 6), random(6, 4)),
        rms_norm_gate: (random(2, 9, 6), random(6), random(2, 9, 6)),
        l2_norm: (random(2, 9, 6),),
        linear_scan: (random(2, 9, 6), random(2, 9, 6)),
        conv_step: (random(2, 6), random(6, 4), random(2, 3, 6)),
        scan_step: (random(2, 6), random(2, 6), random(2, 6)),
        delta_step: (random(2, 1, 6), random(2, 1, 6), random(2, 1, 4), random(2, 1), random(2, 1, 6, 4)),
    }
    for op, arguments in calls.items():
        leaves = [x.requires_grad_() for x in arguments]
        results = []
        for enabled in (False, True):
            with torch.autocast("cpu", dtype, enabled=enabled):
                out = op(*leaves)
                out = torch.cat([x.flatten() for x in out]) if isinstance(out, tuple) else out
            results.append([out, *torch.autograd.grad(out.sum(), leaves)])
        for plain, cast in zip(*results, strict=True):
            assert cast.dtype == torch.float32
            assert torch.equal(plain, cast), op


def test_norms_of_zero_have_finite_gradients() -> None:
    x = torch.zeros(2, 7, requires_grad=True)
    (l2_norm(x).sum() + rms_norm_gate(x, torch.ones(7)).sum()).backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@SOME
@given(length=st.integers(1, 20), heads=st.integers(1, 3), pairs=st.integers(1, 4))
def test_rotary_turns_pairs_by_angles_that_grow_with_position(length: int, heads: int, pairs: int) -> None:
    def definition(x: Tensor) -> Tensor:
        angle = torch.tensor(
            [[t * 10000.0 ** (-i / pairs) for i in range(pairs)] for t in range(length)], dtype=torch.float64
        )
        pair = torch.complex(x[..., :pairs], x[..., pairs:]) * torch.polar(torch.ones_like(angle), angle)[:, None]
        return torch.cat([pair.real, pair.imag], dim=-1)

    assert_same(rotary, definition, torch.randn(2, length, heads, 2 * pairs))


def test_rotary_products_depend_on_distance_alone() -> None:
    token = torch.randn(1, 1, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    q = rotary(token.expand(1, 30, 1, 8))[0, :, 0]
    products = q @ q.mT
    torch.testing.assert_close(products[3, 7], products[20, 24])
    assert not math.isclose(float(products[3, 7]), float(products[3, 8]), rel_tol=1e-3)


@SOME
@given(length=st.integers(1, 70), window=st.integers(1, 40), value_width=st.integers(1, 4))
def test_window_attention_is_masked_softmax_attention(length: int, window: int, value_width: int) -> None:
    def definition(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = torch.einsum("bthk,bshk->bhts", q, k) / 2.0
        behind = torch.arange(length)[:, None] - torch.arange(length)
        weights = scores.masked_fill((behind < 0) | (behind >= window), -torch.inf).softmax(-1)
        return torch.einsum("bhts,bshv->bthv", weights, v)

    q, k, v = torch.randn(2, length, 2, 4), torch.randn(2, length, 2, 4), torch.randn(2, length, 2, value_width)
    assert_same(lambda q, k, v: window_attention(q, k, v, window), definition, q, k, v)


@pytest.mark.parametrize("window", [1, 5, 16, 20])
def test_window_attention_is_causal_and_forgets_beyond_its_window(window: int) -> None:
    q, k, v = (torch.randn(1, 60, 2, 4, dtype=torch.float64) for _ in range(3))
    o = window_attention(q, k, v, window)
    for cut in (window + 1, 33):
        short = window_attention(q[:, :cut], k[:, :cut], v[:, :cut], window)
        torch.testing.assert_close(short, o[:, :cut], rtol=0, atol=1e-12)
    changed = v.clone()
    changed[:, 30] += 1.0
    moved = (window_attention(q, k, changed, window) - o).abs().amax((0, 2, 3)) > 1e-9
    assert moved.nonzero().flatten().tolist() == list(range(30, 30 + window))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: short_conv(torch.zeros(2, 3), torch.zeros(3, 4)), r"x has shape \[2, 3\].*\[B, T, D\]"),
        (lambda: short_conv(torch.zeros(2, 3, 5), torch.zeros(4, 4)), r"weight has shape \[4, 4\].*\[5, any\]"),
        (lambda: short_conv(torch.zeros(2, 3, 5), torch.zeros(5, 4), "relu"), "activation is 'relu'.*'silu' or None"),
        (lambda: rms_norm_gate(torch.zeros(2, 3), torch.zeros(4)), r"weight has shape \[4\].*\[3\]"),
        (lambda: rms_norm_gate(torch.zeros(2, 3), torch.zeros(3), torch.zeros(3)), r"gate has shape \[3\].*\[2, 3\]"),
        (lambda: l2_norm(torch.zeros(2, 3, dtype=torch.int32)), "x is torch.int32.*floating-point"),
        (lambda: l2_norm(3.0), "x is float, but a floating-point tensor"),  # type: ignore[arg-type]
        (lambda: rms_norm_gate(torch.tensor(1.0), torch.ones(1)), r"x has shape \[\].*D >= 1 is needed: reshape"),
        (lambda: rotary(torch.zeros(1, 2, 1, 3)), "x has K = 3, but an even K"),
        (lambda: window_attention(*[torch.zeros(1, 2, 1, 3)] * 3, window=0), "window is 0.*>= 1"),
        (lambda: window_attention(*[torch.zeros(1, 2, 1, 3)] * 3, window=1.5), "window is 1.5"),
    ],
)
def test_bad_input_is_named(call: Callable[[], Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
