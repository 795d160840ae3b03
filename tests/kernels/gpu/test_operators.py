"""The ops with Triton behind them: what torch demands of operators, autograd, and agreement with the torch backend."""

import pytest
import torch
from torch import Tensor

import kernels
from kernels.backends import use_backend

pytest.importorskip("triton")

from kernels.chunked import chunked
from kernels.conv import conv
from kernels.norm import l2, rms
from kernels.scan import scan

CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor")


def draw(*shape: int, device: str) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.rand(shape, generator=generator).to(device).requires_grad_()


@pytest.mark.parametrize("form", ["none", "head", "channel"])
@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_the_chunked_operator_is_what_torch_wants(delta: bool, form: str, packed: bool, device: str) -> None:
    q, k, v = (draw(1, 40, 1, 16, device=device) for _ in range(3))
    beta = draw(1, 40, 1, device=device) if delta else None
    decay = None if form == "none" else (-draw(1, 40, 1, *([16] * (form == "channel")), device=device)).detach()
    state = draw(2 if packed else 1, 1, 16, 16, device=device)
    borders = torch.tensor([0, 11, 40], device=device) if packed else None
    arguments = (q, k, v, beta, decay, state, borders, 0.3, "triton")
    torch.library.opcheck(chunked, arguments, test_utils=CHECKS)


def test_the_local_operators_are_what_torch_wants(device: str) -> None:
    x, a, state = draw(2, 9, 6, device=device), draw(2, 9, 6, device=device), draw(2, 6, device=device)
    torch.library.opcheck(scan, (a, x, state, None, "triton"), test_utils=CHECKS)
    torch.library.opcheck(conv, (x, draw(6, 4, device=device), "silu", None, "triton"), test_utils=CHECKS)
    torch.library.opcheck(rms, (x, draw(6, device=device), a, 1e-6, "triton"), test_utils=CHECKS)
    torch.library.opcheck(l2, (x, 1e-6, "triton"), test_utils=CHECKS)


def layer(x: Tensor, taps: Tensor, gain: Tensor) -> Tensor:
    """Every op once."""
    q, k, v = kernels.short_conv(x, taps).unflatten(-1, (3, 1, 16)).unbind(2)
    beta, decay = v.mean(-1).sigmoid(), -k.square().mean(-1)
    o, _ = kernels.chunk_delta(kernels.l2_norm(q), kernels.l2_norm(k), v.contiguous(), beta, decay)
    p, _ = kernels.chunk_linear(q.contiguous(), kernels.l2_norm(k), v.contiguous(), -q.square())
    y = kernels.rms_norm_gate(o + p, gain, q.contiguous()).flatten(2)
    return kernels.linear_scan(y.sigmoid(), y)


def test_both_backends_train_the_same(device: str) -> None:
    arguments = [draw(1, 40, 48, device=device), draw(48, 4, device=device), draw(16, device=device)]
    found = {}
    for backend in ("torch", "triton"):
        with use_backend(backend):  # type: ignore[arg-type]
            y = layer(*arguments)
            found[backend] = [y, *torch.autograd.grad(y.square().sum(), arguments)]
    for ours, wanted in zip(found["triton"], found["torch"], strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
