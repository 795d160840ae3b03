"""The definitions: each op as its plain recurrence, one time step after another, in float64.

Slow and obviously right. The fast ops are tested against these, forward and backward (autograd goes through them).
"""

from itertools import pairwise

import torch
from torch import Tensor


def _steps(x: Tensor, heads: int) -> Tensor:
    """[B, T, H, X] -> float64 [T, B, HV, X]: value head i reads key head i // (HV / H)."""
    return x.double().repeat_interleave(heads // x.shape[2], dim=2).transpose(0, 1)


def _decay_steps(decay: Tensor | None, q: Tensor, v: Tensor) -> Tensor:
    """Any accepted form of log decay -> the factors exp(a) as float64 [T, B, HV, K]."""
    full = (*v.shape[:3], q.shape[-1])
    if decay is None:
        return q.new_ones(full, dtype=torch.float64).transpose(0, 1)
    if decay.dim() < 4:
        decay = decay.unsqueeze(-1)
    return decay.double().expand(full).exp().transpose(0, 1)


def linear_recurrence(
    q: Tensor, k: Tensor, v: Tensor, decay: Tensor | None = None, scale: float | None = None,
    initial_state: Tensor | None = None, cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """S_t = Diag(exp a_t) S_{t-1} + k_t v_t^T and o_t = scale * q_t^T S_t; arguments as in ``chunk_linear``."""
    return mixing_recurrence(q, k, v, None, decay, scale, initial_state, cu_seqlens)


def delta_recurrence(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, decay: Tensor | None = None, scale: float | None = None,
    initial_state: Tensor | None = None, cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """S_t = (I - b_t k_t k_t^T) Diag(exp a_t) S_{t-1} + b_t k_t v_t^T, o_t = scale * q_t^T S_t, as ``chunk_delta``."""
    return mixing_recurrence(q, k, v, beta, decay, scale, initial_state, cu_seqlens)


def mixing_recurrence(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float | None,
    initial_state: Tensor | None, cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Both of the above: without beta the one, with it the other. Packed sequences run one after another."""
    if cu_seqlens is None:
        return _run(q, k, v, beta, decay, scale, initial_state)
    parts = []
    for s, (start, end) in enumerate(pairwise(cu_seqlens.tolist())):
        now = slice(start, end)
        here = decay if decay is None or decay.dim() == 1 else decay[:, now]
        state = None if initial_state is None else initial_state[s : s + 1]
        parts.append(_run(q[:, now], k[:, now], v[:, now], None if beta is None else beta[:, now], here, scale, state))
    return torch.cat([o for o, _ in parts], dim=1), torch.cat([state for _, state in parts])


def _run(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float | None,
    initial_state: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    batch, _, heads, value_width = v.shape
    width = q.shape[-1]
    scale = width**-0.5 if scale is None else scale
    state = q.new_zeros(batch, heads, width, value_width, dtype=torch.float64)
    if initial_state is not None:
        state = initial_state.double()
    write = v.new_ones(v.shape[:3]) if beta is None else beta
    outputs = []
    for q_t, k_t, v_t, b_t, kept in zip(
        _steps(q, heads), _steps(k, heads), v.double().transpose(0, 1), write.double().transpose(0, 1),
        _decay_steps(decay, q, v), strict=True,
    ):  # fmt: skip
        state = kept[..., None] * state
        told = v_t if beta is None else v_t - torch.einsum("bhk,bhkv->bhv", k_t, state)
        state = state + torch.einsum("bhk,bhv->bhkv", k_t, b_t[..., None] * told)
        outputs.append(scale * torch.einsum("bhk,bhkv->bhv", q_t, state))
    return torch.stack(outputs, dim=1), state


def scan_recurrence(
    a: Tensor, b: Tensor, initial_state: Tensor | None = None, cu_seqlens: Tensor | None = None
) -> Tensor:
    """h_t = a_t h_{t-1} + b_t over [B, T, D]; arguments as in ``linear_scan``."""
    if cu_seqlens is not None:
        states = [None] * (len(cu_seqlens) - 1) if initial_state is None else initial_state.split(1)
        borders = zip(pairwise(cu_seqlens.tolist()), states, strict=True)
        return torch.cat([scan_recurrence(a[:, i:j], b[:, i:j], state) for (i, j), state in borders], dim=1)
    h = torch.zeros_like(b[:, 0]).double() if initial_state is None else initial_state.double()
    states = []
    for a_t, b_t in zip(a.double().unbind(1), b.double().unbind(1), strict=True):
        h = a_t * h + b_t
        states.append(h)
    return torch.stack(states, dim=1)


def conv_recurrence(x: Tensor, weight: Tensor, cu_seqlens: Tensor | None = None) -> Tensor:
    """y_t = sum_j weight[:, W-1-j] * x_{t-j} over [B, T, D], before any activation; arguments as in ``short_conv``."""
    if cu_seqlens is not None:
        return torch.cat([conv_recurrence(x[:, i:j], weight) for i, j in pairwise(cu_seqlens.tolist())], dim=1)
    steps, outputs = x.double().unbind(1), []
    for t in range(len(steps)):
        terms = [steps[t - j] * weight[:, -1 - j].double() for j in range(weight.shape[1]) if j <= t]
        outputs.append(torch.stack(terms).sum(dim=0))
    return torch.stack(outputs, dim=1)
