"""fla.modules' norms in plain torch: same constructors, calls and parameters.

Each is weight * normalised(x + residual) + bias over the last dimension; the gated ones multiply that by silu(g) or
sigmoid(g). With ``prenorm`` the sum x + residual comes back as well. Float32 and float64 keep their type; half types
compute in float32, as fla's kernels do.
"""

from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import l2_norm

Normed: TypeAlias = "Tensor | tuple[Tensor, Tensor]"

_GATES = {"swish": F.silu, "silu": F.silu, "sigmoid": torch.sigmoid}


def l2norm(x: Tensor, eps: float = 1e-6, output_dtype: torch.dtype | None = None) -> Tensor:
    """x / sqrt(sum(x^2) + eps) over the last dimension, in x's type or ``output_dtype``."""
    return l2_norm(x, eps).to(output_dtype or x.dtype)


class L2Norm(nn.Module):
    """``l2norm`` as a module; it has no parameters."""

    def __init__(self, eps: float = 1e-6, output_dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.eps = eps
        self.output_dtype = output_dtype

    def forward(self, x: Tensor) -> Tensor:
        return l2norm(x, self.eps, self.output_dtype)


class _Norm(nn.Module):
    """Gain and bias of a norm over ``groups`` equal parts of the last dimension, with or without its mean taken out."""

    def __init__(
        self, hidden_size: int, affine: bool, bias: bool, eps: float, centred: bool, groups: int = 1, **where: Any
    ) -> None:
        super().__init__()
        if hidden_size % groups:
            raise ValueError(f"hidden_size is {hidden_size}, but a multiple of the {groups} groups is needed.")
        self.hidden_size = hidden_size
        self.elementwise_affine = affine
        self.eps = eps
        self.num_groups = groups
        self._centred = centred
        self.register_parameter("weight", nn.Parameter(torch.ones(hidden_size, **where)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(hidden_size, **where)) if affine and bias else None)

    def normalise(self, x: Tensor) -> Tensor:
        """Gain and bias included, in x's type."""
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        parts = wide.unflatten(-1, (self.num_groups, -1))
        if self._centred:
            parts = parts - parts.mean(-1, keepdim=True)
        y = (parts * (parts.square().mean(-1, keepdim=True) + self.eps).rsqrt()).flatten(-2)
        if self.weight is not None:
            y = y * self.weight
        if self.bias is not None:
            y = y + self.bias
        return y.to(x.dtype)

    def forward(
        self, x: Tensor, residual: Tensor | None = None, prenorm: bool = False, residual_in_fp32: bool = False
    ) -> Normed:
        """``residual_in_fp32`` only concerns half types, which keep the sum in float32."""
        total = _sum(x, residual, residual_in_fp32)
        y = self.normalise(total).to(x.dtype)
        return (y, total) if prenorm else y


class RMSNorm(_Norm):
    """Root-mean-square norm; parameters weight [hidden_size] and, if asked for, bias."""

    def __init__(
        self, hidden_size: int, elementwise_affine: bool = True, bias: bool = False, eps: float = 1e-5, **where: Any
    ) -> None:
        super().__init__(hidden_size, elementwise_affine, bias, eps, centred=False, **where)


class LayerNorm(_Norm):
    """Layer norm; parameters weight [hidden_size] and, if asked for, bias."""

    def __init__(
        self, hidden_size: int, elementwise_affine: bool = True, bias: bool = False, eps: float = 1e-5, **where: Any
    ) -> None:
        super().__init__(hidden_size, elementwise_affine, bias, eps, centred=True, **where)


class GroupNorm(_Norm):
    """A norm of each of ``num_groups`` equal parts of the last dimension."""

    def __init__(
        self,
        num_groups: int,
        hidden_size: int,
        elementwise_affine: bool = True,
        bias: bool = False,
        eps: float = 1e-5,
        is_rms_norm: bool = False,
        **where: Any,
    ) -> None:
        super().__init__(hidden_size, elementwise_affine, bias, eps, not is_rms_norm, num_groups, **where)


class _Gated(_Norm):
    """A norm whose result is multiplied by an activation of a gate of x's shape."""

    def __init__(self, activation: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        if activation not in _GATES:
            raise ValueError(f"activation is {activation!r}, but one of {', '.join(_GATES)} is accepted.")
        self.activation = activation

    def forward(  # type: ignore[override]  # fla's gated norms take the gate as their second argument
        self,
        x: Tensor,
        g: Tensor,
        residual: Tensor | None = None,
        prenorm: bool = False,
        residual_in_fp32: bool = False,
    ) -> Normed:
        total = _sum(x, residual, residual_in_fp32)
        y = (self.normalise(total) * _GATES[self.activation](g)).to(x.dtype)
        return (y, total) if prenorm else y


class FusedRMSNormGated(_Gated):
    """RMSNorm(x) * activation(g), swish unless said otherwise."""

    def __init__(
        self,
        hidden_size: int,
        elementwise_affine: bool = True,
        eps: float = 1e-5,
        activation: Literal["swish", "silu", "sigmoid"] = "swish",
        **where: Any,
    ) -> None:
        super().__init__(
            activation,
            hidden_size=hidden_size, affine=elementwise_affine, bias=False, eps=eps, centred=False, **where,
        )  # fmt: skip


class FusedLayerNormGated(_Gated):
    """LayerNorm(x) * activation(g), swish unless said otherwise."""

    def __init__(
        self,
        hidden_size: int,
        elementwise_affine: bool = True,
        bias: bool = False,
        activation: Literal["swish", "silu", "sigmoid"] = "swish",
        eps: float = 1e-5,
        **where: Any,
    ) -> None:
        super().__init__(
            activation,
            hidden_size=hidden_size, affine=elementwise_affine, bias=bias, eps=eps, centred=True, **where,
        )  # fmt: skip


class FusedRMSNormSwishGate(FusedRMSNormGated):
    """RMSNorm(x) * silu(g)."""

    def __init__(self, hidden_size: int, elementwise_affine: bool = True, eps: float = 1e-5, **where: Any) -> None:
        super().__init__(hidden_size, elementwise_affine, eps, **where)


class FusedLayerNormSwishGate(FusedLayerNormGated):
    """LayerNorm(x) * silu(g)."""

    def __init__(
        self, hidden_size: int, elementwise_affine: bool = True, bias: bool = False, eps: float = 1e-5, **where: Any
    ) -> None:
        super().__init__(hidden_size, elementwise_affine, bias, eps=eps, **where)


def _sum(x: Tensor, residual: Tensor | None, in_float32: bool) -> Tensor:
    total = x if residual is None else x + residual
    return total.float() if in_float32 and total.dtype in (torch.bfloat16, torch.float16) else total
