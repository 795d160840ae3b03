"""Root-mean-square and Euclidean normalisation in torch, forward and backward: one pass instead of autograd's five.

The gate of ``rms_norm_gate`` is left to torch, which does it well: here it is always None.
"""

import torch
from torch import Tensor

from kernels.arguments import compute_dtype


def rms_norm_gate_forward(x: Tensor, weight: Tensor, gate: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """x / sqrt(mean(x^2) + eps) * weight in x's type, and the inverse root [...]. ValueError if there is a gate."""
    if gate is not None:
        raise ValueError("The torch backend leaves the gate to torch: multiply the result by silu(gate).")
    wide = x.to(compute_dtype(x, weight))
    squares = wide * wide
    inverse = squares.mean(dim=-1, keepdim=True).add_(eps).rsqrt_()
    y = torch.mul(wide, inverse, out=squares).mul_(weight.to(wide.dtype))
    return y.to(x.dtype), inverse.squeeze(-1)


def rms_norm_gate_backward(
    dy: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None, inverse: Tensor
) -> tuple[Tensor, Tensor, None]:
    """Gradients in x and weight."""
    inverse = inverse.unsqueeze(-1)
    normed = x.to(inverse.dtype) * inverse
    dy, wide_weight = dy.to(inverse.dtype), weight.to(inverse.dtype)
    products = dy * normed
    dweight = products.reshape(-1, weight.shape[0]).sum(dim=0)
    along = products.mul_(wide_weight).mean(dim=-1, keepdim=True)
    dx = torch.addcmul(dy * wide_weight, normed, along, value=-1).mul_(inverse)
    return dx.to(x.dtype), dweight.to(weight.dtype), None


def l2_norm_forward(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """x / sqrt(sum(x^2) + eps) in x's type, and the inverse root [...], both contiguous, whatever x is.

    Heads cut out of one projection are not; converting them to a wider type copies them once.
    """
    wide = x.to(compute_dtype(x)).contiguous()
    inverse = torch.linalg.vecdot(wide, wide).add_(eps).rsqrt_()
    return (wide * inverse.unsqueeze(-1)).to(x.dtype), inverse


def l2_norm_backward(dy: Tensor, x: Tensor, inverse: Tensor) -> Tensor:
    """The gradient in x: dy / r - x (x . dy) / r^3, where r is the root."""
    wide, dy = x.to(inverse.dtype).contiguous(), dy.to(inverse.dtype)
    along = torch.linalg.vecdot(dy, wide).mul_(inverse**3)
    return (dy * inverse.unsqueeze(-1)).addcmul_(wide, along.unsqueeze(-1), value=-1).to(x.dtype)
