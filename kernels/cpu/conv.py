"""The short causal convolution in torch, forward and backward, without its activation, which torch's own does well.

W shifted multiply-adds, each over whole rows of channels, which suit a CPU better than torch's grouped convolution for
the usual W = 4. Packed sequences are laid out with W - 1 zeros between them, so that no tap reaches over a border.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import compute_dtype


def forward(x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None) -> Tensor:
    """y [B, T, D] in x's type; arguments as in ``kernels.short_conv``. ValueError if there is an activation."""
    if activation is not None:
        raise ValueError(f"The torch backend leaves the activation to torch: apply {activation} to the result.")
    dtype = compute_dtype(x, weight)
    taps = weight.shape[1]
    columns = weight.to(dtype).mT.contiguous()
    padded, places = _padded(x.to(dtype), taps, cu_seqlens)
    length = padded.shape[1] - taps + 1
    y = padded[:, :length] * columns[0]
    for j in range(1, taps):
        y.addcmul_(padded[:, j : j + length], columns[j])
    return (y if places is None else y[:, places]).to(x.dtype)


def backward(
    dy: Tensor, x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Gradients in x and weight."""
    dtype = compute_dtype(x, weight)
    taps = weight.shape[1]
    columns = weight.to(dtype).mT.contiguous()
    padded, places = _padded(x.to(dtype), taps, cu_seqlens)
    length = padded.shape[1] - taps + 1
    dy = dy.to(dtype)
    if places is not None:
        dy = dy.new_zeros(1, length, dy.shape[2]).index_copy_(1, places, dy)
    later = F.pad(dy, (0, 0, 0, taps - 1))
    dx = dy * columns[-1]
    for j in range(taps - 1):
        dx.addcmul_(later[:, taps - 1 - j : taps - 1 - j + length], columns[j])
    dweight = torch.stack([(dy * padded[:, j : j + length]).sum((0, 1)) for j in range(taps)], dim=1)
    return (dx if places is None else dx[:, places]).to(x.dtype), dweight.to(weight.dtype)


def _padded(x: Tensor, taps: int, cu_seqlens: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """x with W - 1 zeros before each sequence, and for packed sequences where each step's result then lies."""
    if cu_seqlens is None:
        return F.pad(x, (0, 0, taps - 1, 0)), None
    steps = torch.arange(x.shape[1], device=x.device)
    places = steps + (taps - 1) * (torch.bucketize(steps, cu_seqlens, right=True) - 1)
    gaps = (taps - 1) * (cu_seqlens.shape[0] - 1)
    padded = x.new_zeros(1, x.shape[1] + gaps, x.shape[2])
    return padded.index_copy_(1, places + taps - 1, x), places
