"""The short causal convolution that most linear-attention blocks put before their queries, keys and values."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.arguments import compute_dtype, require_shape


def short_conv(x: Tensor, weight: Tensor, activation: Literal["silu"] | None = "silu") -> Tensor:
    """y_t = activation(sum_j weight[:, W-1-j] * x_{t-j}), with zeros before the first step.

    x [B, T, D]; weight [D, W], whose last column meets the present step. Returns [B, T, D] in x's type.
    ValueError if shapes do not fit or the activation is unknown.
    """
    require_shape("x", x, (None, None, None), "[B, T, D]")
    require_shape("weight", weight, (x.shape[-1], None), "[D, W]")
    if activation not in ("silu", None):
        raise ValueError(f"activation is {activation!r}, but 'silu' or None is accepted: apply others to the result.")
    dtype = compute_dtype(x, weight)
    y: Tensor = _ShortConv.apply(x.to(dtype), weight.to(dtype))
    return (y if activation is None else F.silu(y)).to(x.dtype)


class _ShortConv(torch.autograd.Function):
    """W shifted multiply-adds: for the usual W = 4 several times faster on a CPU than a grouped convolution."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        length, taps = x.shape[1], weight.shape[1]
        columns = weight.mT.contiguous()
        padded = F.pad(x, (0, 0, taps - 1, 0))
        y = padded[:, :length] * columns[0]
        for j in range(1, taps):
            y.addcmul_(padded[:, j : j + length], columns[j])
        ctx.save_for_backward(padded, columns)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        padded, columns = ctx.saved_tensors
        length, taps = gradient.shape[1], columns.shape[0]
        later = F.pad(gradient, (0, 0, 0, taps - 1))
        dx = gradient * columns[-1]
        for j in range(taps - 1):
            dx.addcmul_(later[:, taps - 1 - j : taps - 1 - j + length], columns[j])
        dweight = torch.stack([(gradient * padded[:, j : j + length]).sum((0, 1)) for j in range(taps)], dim=1)
        return dx, dweight
