"""Root-mean-square and Euclidean normalisation in torch, forward and backward: one pass instead of autograd's five."""

import torch
from torch import Tensor

from kernels.arguments import compute_dtype


def forward(x: Tensor, weight: Tensor | None, gate: None, eps: float) -> tuple[Tensor, Tensor]:
    """x / sqrt(mean(x^2) + eps) * weight, or x / sqrt(sum(x^2) + eps) without one; and the inverse root [..., 1]."""
    wide = x.to(compute_dtype(x, weight))
    squares = wide * wide
    total = squares.sum(dim=-1, keepdim=True) if weight is None else squares.mean(dim=-1, keepdim=True)
    inverse = total.add_(eps).rsqrt_()
    y = torch.mul(wide, inverse, out=squares)
    return (y if weight is None else y.mul_(weight.to(y.dtype))).to(x.dtype), inverse


def backward(
    dy: Tensor, x: Tensor, weight: Tensor | None, gate: None, inverse: Tensor
) -> tuple[Tensor, Tensor | None, None]:
    """Gradients in x and weight."""
    normed = x.to(inverse.dtype) * inverse
    dy = dy.to(inverse.dtype)
    if weight is None:
        along = (dy * normed).sum(dim=-1, keepdim=True)
        return torch.addcmul(dy, normed, along, value=-1).mul_(inverse).to(x.dtype), None, None
    products = dy * normed
    dweight = products.reshape(-1, weight.shape[0]).sum(dim=0)
    weight_wide = weight.to(inverse.dtype)
    along = products.mul_(weight_wide).mean(dim=-1, keepdim=True)
    dx = torch.addcmul(dy * weight_wide, normed, along, value=-1).mul_(inverse)
    return dx.to(x.dtype), dweight.to(weight.dtype), None
