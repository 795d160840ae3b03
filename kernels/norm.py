"""Normalisations used inside mixers, as the torch operators ``archloop::rms_norm_gate`` and ``archloop::l2_norm``.

Each row is treated alone, so any layout in memory is taken; one that is not contiguous is copied first.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import compute_dtype, require_one_device, require_rows, require_shape
from kernels.backends import backend_for, run
from kernels.work import Work, costs


def rms_norm_gate(x: Tensor, weight: Tensor, gate: Tensor | None = None, eps: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight, times silu(gate) if a gate is given.

    x [..., D], normalised over its last dimension (Zhang and Sennrich 2019, arXiv 1910.07467); weight [D]; gate like x.
    Returns x's shape and type. ValueError if shapes do not fit.
    """
    require_rows("x", x)
    require_shape("weight", weight, (x.shape[-1],), "[D]")
    if gate is not None:
        require_shape("gate", gate, tuple(x.shape), "[..., D] as x has it")
    require_one_device(x=x, weight=weight, gate=gate)
    x, weight, gate = x.contiguous(), weight.contiguous(), None if gate is None else gate.contiguous()
    dtype = compute_dtype(x, weight, gate)
    backend = backend_for(x, weight, gate)
    if backend == "recurrence":
        wide = x.double()
        y = wide / (wide.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight.double()
    else:
        inner = gate if backend == "triton" else None
        y, _ = rms(x if backend == "triton" else x.to(dtype), weight, inner, eps, backend)
    if gate is not None and backend != "triton":
        y = y * F.silu(gate.to(y.dtype))
    return y.to(x.dtype)


def l2_norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """x / sqrt(sum(x^2) + eps) over the last dimension, in x's shape and type. ValueError if x is no float tensor."""
    require_rows("x", x)
    backend = backend_for(x)
    if backend == "recurrence":
        wide = x.double()
        return (wide / (wide.square().sum(dim=-1, keepdim=True) + eps).sqrt()).to(x.dtype).contiguous()
    y: Tensor = l2(x.contiguous() if backend == "triton" else x, eps, backend)[0]
    return y


@torch.library.custom_op("archloop::rms_norm_gate", mutates_args=())
def rms(x: Tensor, weight: Tensor, gate: Tensor | None, eps: float, backend: str) -> tuple[Tensor, Tensor]:
    """y [..., D], and the inverse root mean square [...]."""
    y, inverse = run("norm", backend, "rms_norm_gate_forward", x, weight, gate, eps)
    return y, inverse


@torch.library.custom_op("archloop::rms_norm_gate_backward", mutates_args=())
def rms_backward(
    dy: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None, inverse: Tensor, backend: str
) -> list[Tensor]:
    """Gradients in x, weight and, if there is one, gate."""
    gradients = run("norm", backend, "rms_norm_gate_backward", dy.contiguous(), x, weight, gate, inverse)
    return [gradient for gradient in gradients if gradient is not None]


@torch.library.custom_op("archloop::l2_norm", mutates_args=())
def l2(x: Tensor, eps: float, backend: str) -> tuple[Tensor, Tensor]:
    """y [..., D], and the inverse length [...]."""
    y, inverse = run("norm", backend, "l2_norm_forward", x, eps)
    return y, inverse


@torch.library.custom_op("archloop::l2_norm_backward", mutates_args=())
def l2_backward(dy: Tensor, x: Tensor, inverse: Tensor, backend: str) -> Tensor:
    """The gradient in x."""
    dx: Tensor = run("norm", backend, "l2_norm_backward", dy.contiguous(), x, inverse)
    return dx


@rms.register_fake
def _(x: Tensor, weight: Tensor, gate: Tensor | None, eps: float, backend: str) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), x.new_empty(x.shape[:-1], dtype=compute_dtype(x, weight, gate))


@rms_backward.register_fake
def _(dy: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None, inverse: Tensor, backend: str) -> list[Tensor]:
    return [torch.empty_like(one) for one in (x, weight, gate) if one is not None]


@l2.register_fake
def _(x: Tensor, eps: float, backend: str) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(x.shape[:-1], dtype=compute_dtype(x))


@l2_backward.register_fake
def _(dy: Tensor, x: Tensor, inverse: Tensor, backend: str) -> Tensor:
    return x.new_empty(x.shape)


def _keep_rms(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, weight, gate, _, ctx.backend = inputs
    ctx.save_for_backward(x, weight, gate, output[1])


def _rms_gradients(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    dx, dweight, *dgate = rms_backward(dy, *ctx.saved_tensors, ctx.backend)
    return dx, dweight, dgate[0] if dgate else None, None, None


def _keep_l2(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, _, ctx.backend = inputs
    ctx.save_for_backward(x, output[1])


def _l2_gradients(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return l2_backward(dy, *ctx.saved_tensors, ctx.backend), None, None


rms.register_autograd(_rms_gradients, setup_context=_keep_rms)
l2.register_autograd(_l2_gradients, setup_context=_keep_l2)


def _forward_cost(x: tuple[int, ...], *rest: Any) -> Work:
    return Work(0, 3 * math.prod(x), math.prod(x))


def _backward_cost(dy: tuple[int, ...], *rest: Any) -> Work:
    return Work(0, 5 * math.prod(dy), math.prod(dy))


for operator in (rms, l2):
    costs(operator, _forward_cost)
for operator in (rms_backward, l2_backward):
    costs(operator, _backward_cost)
