"""The elementwise linear recurrence h_t = a_t h_{t-1} + b_t, with its backward pass written out.

Segments of about sqrt(T) steps are scanned side by side, then joined by the products of their factors: 2 sqrt(T) small
calls instead of T. Factors are multiplied, never taken to logarithms, so a = 0 (forget all) and a = 1 are exact.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.arguments import compute_dtype, require_shape


def linear_scan(a: Tensor, b: Tensor, initial_state: Tensor | None = None) -> Tensor:
    """h_t = a_t * h_{t-1} + b_t for a, b [B, T, D] with 0 <= a <= 1; initial_state [B, D] defaults to zeros.

    Returns h [B, T, D] in b's type. Gradients flow to a, b and initial_state. ValueError if shapes do not fit.
    """
    require_shape("a", a, (None, None, None), "[B, T, D]")
    require_shape("b", b, tuple(a.shape), "[B, T, D] as a has it")
    if initial_state is not None:
        require_shape("initial_state", initial_state, (a.shape[0], a.shape[2]), "[B, D]")
    dtype = compute_dtype(a, b, initial_state)
    state = torch.zeros_like(b[:, 0]) if initial_state is None else initial_state
    h: Tensor = _LinearScan.apply(a.to(dtype), b.to(dtype), state.to(dtype))
    return h.to(b.dtype)


class _LinearScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, state: Tensor) -> Tensor:
        h = _scan(a, b, state)
        ctx.save_for_backward(a, state, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, state, h = ctx.saved_tensors
        # g_t = gradient_t + a_{t+1} g_{t+1}: the same scan, backward in time.
        later = F.pad(a[:, 1:], (0, 0, 0, 1))
        g = _scan(later.flip(1), gradient.flip(1), torch.zeros_like(state)).flip(1)
        return g * torch.cat([state.unsqueeze(1), h[:, :-1]], dim=1), g, a[:, 0] * g[:, 0]


def _scan(a: Tensor, b: Tensor, state: Tensor) -> Tensor:
    length = a.shape[1]
    segment = 2 ** round(math.log2(length) / 2)
    filling = (0, 0, 0, -length % segment)
    a, b = (F.pad(x, filling).unflatten(1, (-1, segment)) for x in (a, b))
    h, kept = torch.empty_like(b), torch.empty_like(a)
    h[:, :, 0], kept[:, :, 0] = b[:, :, 0], a[:, :, 0]
    for i in range(1, segment):
        torch.addcmul(b[:, :, i], a[:, :, i], h[:, :, i - 1], out=h[:, :, i])
        torch.mul(a[:, :, i], kept[:, :, i - 1], out=kept[:, :, i])
    entering = torch.empty_like(h[:, :, 0])
    for n in range(h.shape[1]):
        entering[:, n] = state
        state = torch.addcmul(h[:, n, -1], kept[:, n, -1], state)
    return h.addcmul_(kept, entering.unsqueeze(2)).flatten(1, 2)[:, :length]
