"""Rotary positions.

Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021, arXiv 2104.09864).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.arguments import require_shape


def rotary(x: Tensor, base: float = 10000.0) -> Tensor:
    """Rotate each pair of channels (i, i + K/2) of x [B, T, H, K] by the angle t * base ** (-2i / K), t from 0.

    The paper's equation 34 with channels paired half by half. Angles are computed in float64, so that late positions
    stay exact. Returns x's shape and type. ValueError if x is not [B, T, H, K] with an even K.
    """
    require_shape("x", x, (None, None, None, None), "[B, T, H, K]")
    length, width = x.shape[1], x.shape[-1]
    if width % 2:
        raise ValueError(f"x has K = {width}, but an even K is needed to pair its channels: add one or leave one out.")
    frequencies = base ** (-torch.arange(0, width, 2, dtype=torch.float64, device=x.device) / width)
    angles = torch.arange(length, dtype=torch.float64, device=x.device)[:, None, None] * frequencies
    y: Tensor = _Rotation.apply(x, angles.cos().to(x.dtype), angles.sin().to(x.dtype))
    return y


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _rotate(gradient, cos, -sin), None, None  # a rotation's transpose turns the other way


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    y = torch.empty_like(x)
    y_first, y_second = y.chunk(2, dim=-1)
    torch.mul(first, cos, out=y_first).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=y_second).addcmul_(first, sin)
    return y
