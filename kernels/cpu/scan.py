"""The elementwise linear recurrence in torch, forward and backward.

Segments of about sqrt(T) steps are scanned side by side, then joined by the products of their factors: 2 sqrt(T) small
calls instead of T. Factors are multiplied, never taken to logarithms, so a = 0 (forget all) and a = 1 are exact.
A packed sequence starts with a factor of 0, its initial state already added to its first input.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import compute_dtype


def forward(a: Tensor, b: Tensor, initial_state: Tensor | None, cu_seqlens: Tensor | None) -> Tensor:
    """h [B, T, D] in b's type; arguments as in ``kernels.linear_scan``."""
    dtype = compute_dtype(a, b, initial_state)
    factors, inputs = a.to(dtype), b.to(dtype)
    if cu_seqlens is None:
        state = torch.zeros_like(inputs[:, 0]) if initial_state is None else initial_state.to(dtype)
        return _scan(factors, inputs, state).to(b.dtype)
    starts = cu_seqlens[:-1]
    if initial_state is not None:
        inputs = inputs.index_add(1, starts, factors[:, starts] * initial_state.to(dtype))
    h = _scan(_cut(factors, starts), inputs, torch.zeros_like(inputs[:, 0]))
    return h.to(b.dtype)


def backward(
    dh: Tensor, a: Tensor, initial_state: Tensor | None, h: Tensor, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients in a, b and initial_state."""
    dtype = compute_dtype(a, h, initial_state)
    b_type = h.dtype
    dh, factors, h = dh.to(dtype), a.to(dtype), h.to(dtype)
    starts = h.new_zeros(1, dtype=torch.int64) if cu_seqlens is None else cu_seqlens[:-1]
    kept = factors if cu_seqlens is None else _cut(factors, starts)
    # g_t = dh_t + a_{t+1} g_{t+1}: the same scan, backward in time.
    later = F.pad(kept[:, 1:], (0, 0, 0, 1))
    g = _scan(later.flip(1), dh.flip(1), torch.zeros_like(dh[:, 0])).flip(1)
    before = F.pad(h[:, :-1], (0, 0, 1, 0))
    if initial_state is None:
        before[:, starts] = 0.0
        return (g * before).to(a.dtype), g.to(b_type), None
    state = initial_state.to(dtype)
    before[:, starts] = state.unsqueeze(1) if cu_seqlens is None else state
    dstate = (factors[:, starts] * g[:, starts]).reshape(initial_state.shape)
    return (g * before).to(a.dtype), g.to(b_type), dstate.to(initial_state.dtype)


def _cut(factors: Tensor, starts: Tensor) -> Tensor:
    return factors.index_fill(1, starts.long(), 0.0)


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
    return h.addcmul_(kept, entering.unsqueeze(2)).flatten(1, 2)[:, :length].contiguous()
