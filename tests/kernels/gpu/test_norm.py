"""The Triton norms against their formulas in float64: values, saved inverses and gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.kernels.gpu.agreement import DTYPES, assert_near, doubles

pytest.importorskip("triton")

from kernels.gpu import norm

EPS = 2.0
"""As large as the mean square: rows of one element keep a gradient, and a misplaced eps shows."""
SHAPES = [(1,), (7,), (3, 1), (5, 130), (2, 3, 4, 64), (3, 1000), (700, 8)]


def draw(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(shape[-1])
    drawn = {name: torch.randn(shape, generator=generator) for name in ("x", "gate", "dy")}
    drawn |= {"gate": 2 * drawn["gate"], "weight": 1 + torch.rand(shape[-1], generator=generator)}
    return {name: x.to(device, dtype) for name, x in drawn.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_rms_norm_gate(shape: tuple[int, ...], gated: bool, dtype: torch.dtype, device: str) -> None:
    drawn = draw(shape, dtype, device)
    x, weight, dy, gate = drawn["x"], drawn["weight"], drawn["dy"], drawn["gate"] if gated else None
    y, inverse = norm.rms_norm_gate_forward(x, weight, gate, EPS)
    dx, dweight, dgate = norm.rms_norm_gate_backward(dy, x, weight, gate, inverse)
    exact = doubles({name: drawn[name] for name in ("x", "weight", "gate")[: 2 + gated]})
    expected_inverse = (exact["x"].square().mean(-1) + EPS).rsqrt()
    expected = exact["x"] * expected_inverse[..., None] * exact["weight"]
    if gated:
        expected = expected * F.silu(exact["gate"])
    else:
        assert dgate is None
    got = {"y": y, "inverse": inverse, "x": dx, "weight": dweight} | ({"gate": dgate} if gated else {})
    gradients = torch.autograd.grad(expected, list(exact.values()), dy.double().cpu())
    wanted = {"y": expected, "inverse": expected_inverse} | dict(zip(exact, gradients, strict=True))
    assert_near(got, wanted, {name: drawn.get(name, x) for name in got} | {"inverse": x.float()})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_l2_norm(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> None:
    drawn = draw(shape, dtype, device)
    x, dy = drawn["x"], drawn["dy"]
    y, inverse = norm.l2_norm_forward(x, EPS)
    exact = doubles({"x": x})["x"]
    expected_inverse = (exact.square().sum(-1) + EPS).rsqrt()
    expected = exact * expected_inverse[..., None]
    (gradient,) = torch.autograd.grad(expected, exact, dy.double().cpu())
    got = {"y": y, "inverse": inverse, "dx": norm.l2_norm_backward(dy, y, inverse)}
    wanted = {"y": expected, "inverse": expected_inverse, "dx": gradient}
    assert_near(got, wanted, {"y": x, "inverse": x.float(), "dx": x})


@pytest.mark.parametrize("gated", [False, True])
def test_rows_of_zeros_have_finite_gradients(gated: bool, device: str) -> None:
    x, weight = torch.zeros(3, 20, device=device), torch.ones(20, device=device)
    gate = torch.full_like(x, -1e4) if gated else None
    y, inverse = norm.rms_norm_gate_forward(x, weight, gate, 1e-6)
    results = [y, inverse, *norm.rms_norm_gate_backward(torch.ones_like(x), x, weight, gate, inverse)[: 2 + gated]]
    y, inverse = norm.l2_norm_forward(x, 1e-6)
    results += [y, inverse, norm.l2_norm_backward(torch.ones_like(x), y, inverse)]
    assert all(result.isfinite().all() for result in results if result is not None)


def test_each_program_of_the_backward_pass_may_take_many_rows(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw((700, 8), torch.float32, device)
    x, weight, gate, dy = (drawn[name] for name in ("x", "weight", "gate", "dy"))
    _, inverse = norm.rms_norm_gate_forward(x, weight, gate, 1e-6)
    apart = norm.rms_norm_gate_backward(dy, x, weight, gate, inverse)
    monkeypatch.setattr(norm, "WARPS_IN_FLIGHT", 4)  # one program
    together = norm.rms_norm_gate_backward(dy, x, weight, gate, inverse)
    for one, other in zip(apart, together, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
