"""Normalisations used inside mixers, as the torch operator ``archloop::norm``.

Each row is treated alone, so any layout in memory is taken; one that is not contiguous is copied first.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import compute_dtype, require_one_device, require_shape
from kernels.backends import backend_for, implementation
from kernels.work import Work, costs


def rms_norm_gate(x: Tensor, weight: Tensor, gate: Tensor | None = None, eps: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight, times silu(gate) if a gate is given.

    x [..., D], normalised over its last dimension (Zhang and Sennrich 2019, arXiv 1910.07467); weight [D]; gate like x.
    Returns x's shape and type. ValueError if shapes do not fit.
    """
    require_shape("x", x, (None,) * x.dim(), "[..., D]")
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
        y, _ = norm(x if backend == "triton" else x.to(dtype), weight, inner, eps, backend)
    if gate is not None and backend != "triton":
        y = y * F.silu(gate.to(y.dtype))
    return y.to(x.dtype)


def l2_norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """x / sqrt(sum(x^2) + eps) over the last dimension, in x's shape and type. ValueError if x is no float tensor."""
    require_shape("x", x, (None,) * x.dim(), "[..., D]")
    x = x.contiguous()
    backend = backend_for(x)
    if backend == "recurrence":
        wide = x.double()
        return (wide / (wide.square().sum(dim=-1, keepdim=True) + eps).sqrt()).to(x.dtype)
    y: Tensor = norm(x, None, None, eps, backend)[0]
    return y


@torch.library.custom_op("archloop::norm", mutates_args=())
def norm(x: Tensor, weight: Tensor | None, gate: Tensor | None, eps: float, backend: str) -> tuple[Tensor, Tensor]:
    """y [..., D], by the root mean square with a weight and by the length without; and the inverse root [..., 1]."""
    y, inverse = implementation("norm", backend).forward(x, weight, gate, eps)
    return y, inverse


@torch.library.custom_op("archloop::norm_backward", mutates_args=())
def norm_backward(
    dy: Tensor, x: Tensor, weight: Tensor | None, gate: Tensor | None, inverse: Tensor, backend: str
) -> list[Tensor]:
    """Gradients in x, then in those of weight and gate that were given."""
    gradients = implementation("norm", backend).backward(dy.contiguous(), x, weight, gate, inverse)
    return [gradient for gradient in gradients if gradient is not None]


@norm.register_fake
def _(x: Tensor, weight: Tensor | None, gate: Tensor | None, eps: float, backend: str) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), x.new_empty((*x.shape[:-1], 1), dtype=compute_dtype(x, weight, gate))


@norm_backward.register_fake
def _(dy: Tensor, x: Tensor, weight: Tensor | None, gate: Tensor | None, inverse: Tensor, backend: str) -> list[Tensor]:
    return [torch.empty_like(one) for one in (x, weight, gate) if one is not None]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, weight, gate, _, ctx.backend = inputs
    ctx.save_for_backward(x, weight, gate, output[1])


def _gradients(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, gate, inverse = ctx.saved_tensors
    dx, *rest = norm_backward(dy, x, weight, gate, inverse, ctx.backend)
    dweight = None if weight is None else rest.pop(0)
    return dx, dweight, rest[0] if rest else None, None, None


norm.register_autograd(_gradients, setup_context=_keep)


def _forward_cost(x: tuple[int, ...], *rest: Any) -> Work:
    return Work(0, 3 * math.prod(x), math.prod(x))


def _backward_cost(dy: tuple[int, ...], *rest: Any) -> Work:
    return Work(0, 5 * math.prod(dy), math.prod(dy))


costs(norm, _forward_cost)
costs(norm_backward, _backward_cost)
