"""Normalisations used inside mixers, each with its backward pass written out: one pass instead of autograd's five."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.arguments import compute_dtype, require_shape


def rms_norm_gate(x: Tensor, weight: Tensor, gate: Tensor | None = None, eps: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight, times silu(gate) if a gate is given.

    x [..., D], normalised over its last dimension (Zhang and Sennrich 2019, arXiv 1910.07467); weight [D]; gate like x.
    Returns x's shape and type. ValueError if shapes do not fit.
    """
    require_shape("x", x, (None,) * x.dim(), "[..., D]")
    require_shape("weight", weight, (x.shape[-1],), "[D]")
    dtype = compute_dtype(x, weight, gate)
    y: Tensor = _RmsNorm.apply(x.to(dtype), weight.to(dtype), eps)
    if gate is not None:
        require_shape("gate", gate, tuple(x.shape), "[..., D] as x has it")
        y = y * F.silu(gate.to(dtype))
    return y.to(x.dtype)


def l2_norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """x / sqrt(sum(x^2) + eps) over the last dimension, in x's shape and type. ValueError if x is no float tensor."""
    require_shape("x", x, (None,) * x.dim(), "[..., D]")
    y: Tensor = _L2Norm.apply(x.to(compute_dtype(x)), eps)
    return y.to(x.dtype)


class _L2Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        inverse = (x * x).sum(dim=-1, keepdim=True).add_(eps).rsqrt_()
        y = x * inverse
        ctx.save_for_backward(y, inverse)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        y, inverse = ctx.saved_tensors
        along = (gradient * y).sum(dim=-1, keepdim=True)
        return torch.addcmul(gradient, y, along, value=-1).mul_(inverse), None


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        inverse = (x * x).mean(dim=-1, keepdim=True).add_(eps).rsqrt_()
        normed = x * inverse
        ctx.save_for_backward(normed, inverse, weight)
        return normed * weight

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        normed, inverse, weight = ctx.saved_tensors
        dweight = (gradient * normed).reshape(-1, weight.shape[0]).sum(dim=0)
        dnormed = gradient * weight
        along = (dnormed * normed).mean(dim=-1, keepdim=True)
        return torch.addcmul(dnormed, normed, along, value=-1).mul_(inverse), dweight, None
