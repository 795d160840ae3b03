"""The short causal convolution that most linear-attention blocks put before their queries, keys and values.

One depthwise filter a channel, as the torch operator ``archloop::short_conv``.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import recurrence
from kernels.arguments import compute_dtype, require_contiguous, require_one_device, require_packed, require_shape
from kernels.backends import backend_for, run
from kernels.values import require_values
from kernels.work import Work, costs


def short_conv(
    x: Tensor, weight: Tensor, activation: Literal["silu"] | None = "silu", cu_seqlens: Tensor | None = None
) -> Tensor:
    """y_t = activation(sum_j weight[:, W-1-j] * x_{t-j}), with zeros before the first step.

    x [B, T, D]; weight [D, W], whose last column meets the present step. With cu_seqlens [S + 1], int64, B is 1 and S
    sequences lie along T, each with zeros before it. Returns [B, T, D] in x's type. Gu and Dao, "Mamba" (2023,
    arXiv 2312.00752), figure 3. ValueError if shapes do not fit or the activation is unknown.
    """
    require_shape("x", x, (None, None, None), "[B, T, D]")
    require_shape("weight", weight, (x.shape[-1], None), "[D, W]")
    require_activation(activation)
    if cu_seqlens is not None:
        require_packed(cu_seqlens, x.shape[0])
    given = {"x": x, "weight": weight, "cu_seqlens": cu_seqlens}
    require_one_device(**given)
    require_contiguous(**given)
    backend = backend_for(x, weight)
    if backend == "triton":
        y: Tensor = conv(x, weight, activation, cu_seqlens, backend)
        return y
    wide = x.to(compute_dtype(x, weight))
    if backend == "recurrence":
        require_values(None, cu_seqlens, x.shape[1])
        y = recurrence.conv_recurrence(x, weight, cu_seqlens)
    else:
        y = conv(wide, weight, None, cu_seqlens, backend)
    return (y if activation is None else F.silu(y)).to(x.dtype)


def require_activation(activation: str | None) -> None:
    """Raise ValueError unless the activation is one that the convolution knows."""
    if activation not in ("silu", None):
        raise ValueError(f"activation is {activation!r}, but 'silu' or None is accepted: apply others to the result.")


@torch.library.custom_op("archloop::short_conv", mutates_args=())
def conv(x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None, backend: str) -> Tensor:
    """y [B, T, D]."""
    require_values(None, cu_seqlens, x.shape[1])
    y: Tensor = run("conv", backend, "forward", x, weight, activation, cu_seqlens)
    return y


@torch.library.custom_op("archloop::short_conv_backward", mutates_args=())
def conv_backward(
    dy: Tensor, x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None, backend: str
) -> tuple[Tensor, Tensor]:
    """Gradients in x and weight."""
    dx, dweight = run("conv", backend, "backward", dy.contiguous(), x, weight, activation, cu_seqlens)
    return dx, dweight


@conv.register_fake
def _(x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None, backend: str) -> Tensor:
    return torch.empty_like(x)


@conv_backward.register_fake
def _(
    dy: Tensor, x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None, backend: str
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(weight)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, ctx.activation, cu_seqlens, ctx.backend = inputs
    ctx.save_for_backward(x, weight, cu_seqlens)


def _gradients(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, cu_seqlens = ctx.saved_tensors
    dx, dweight = conv_backward(dy, x, weight, ctx.activation, cu_seqlens, ctx.backend)
    return dx, dweight, None, None, None


conv.register_autograd(_gradients, setup_context=_keep)


def _forward_cost(x: tuple[int, ...], weight: tuple[int, ...], *rest: Any) -> Work:
    size = x[0] * x[1] * x[2]
    return Work(2 * size * weight[1], size * (weight[1] + 1), size)


def _backward_cost(dy: tuple[int, ...], x: tuple[int, ...], weight: tuple[int, ...], *rest: Any) -> Work:
    size = x[0] * x[1] * x[2]
    return Work(4 * size * weight[1], size * (2 * weight[1] + 2), size)


costs(conv, _forward_cost)
costs(conv_backward, _backward_cost)
