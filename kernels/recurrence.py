"""The definitions: each op as its plain recurrence, one time step after another, in float64.

Slow and obviously right. The fast ops are tested against these, forward and backward (autograd goes through them).
"""

import torch
from torch import Tensor


def _steps(x: Tensor, heads: int) -> Tensor:
    """[B, T, H, X] -> float64 [T, B, HV, X]: value head i reads key head i // (HV / H)."""
    return x.double().repeat_interleave(heads // x.shape[2], dim=2).transpose(0, 1)


def _decay_steps(decay: Tensor | None, q: Tensor, v: Tensor) -> Tensor:
    """Any accepted form of log decay -> the factors exp(a) as float64 [T, B, HV, K]."""
    full = (*v.shape[:3], q.shape[-1])
    if decay is None:
        return torch.ones(full, dtype=torch.float64).transpose(0, 1)
    if decay.dim() < 4:
        decay = decay.unsqueeze(-1)
    return decay.double().expand(full).exp().transpose(0, 1)


def linear_recurrence(
    q: Tensor, k: Tensor, v: Tensor, decay: Tensor | None = None, scale: float | None = None,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """S_t = Diag(exp a_t) S_{t-1} + k_t v_t^T and o_t = scale * q_t^T S_t; arguments as in ``chunk_linear``."""
    ones = torch.ones(v.shape[:3], dtype=torch.float64)
    return _run(q, k, v, ones, decay, scale, initial_state, delta=False)


def delta_recurrence(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, decay: Tensor | None = None, scale: float | None = None,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """S_t = (I - b_t k_t k_t^T) Diag(exp a_t) S_{t-1} + b_t k_t v_t^T, o_t = scale * q_t^T S_t, as ``chunk_delta``."""
    return _run(q, k, v, beta, decay, scale, initial_state, delta=True)


def _run(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, decay: Tensor | None, scale: float | None,
    initial_state: Tensor | None, delta: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    batch, _, heads, value_width = v.shape
    width = q.shape[-1]
    scale = width**-0.5 if scale is None else scale
    state = torch.zeros(batch, heads, width, value_width, dtype=torch.float64)
    if initial_state is not None:
        state = initial_state.double()
    outputs = []
    for q_t, k_t, v_t, b_t, kept in zip(
        _steps(q, heads), _steps(k, heads), v.double().transpose(0, 1), beta.double().transpose(0, 1),
        _decay_steps(decay, q, v), strict=True,
    ):  # fmt: skip
        state = kept[..., None] * state
        told = v_t - torch.einsum("bhk,bhkv->bhv", k_t, state) if delta else v_t
        state = state + torch.einsum("bhk,bhv->bhkv", k_t, b_t[..., None] * told)
        outputs.append(scale * torch.einsum("bhk,bhkv->bhv", q_t, state))
    return torch.stack(outputs, dim=1), state


def scan_recurrence(a: Tensor, b: Tensor, initial_state: Tensor | None = None) -> Tensor:
    """h_t = a_t h_{t-1} + b_t over [B, T, D]; arguments as in ``linear_scan``."""
    h = torch.zeros_like(b[:, 0]).double() if initial_state is None else initial_state.double()
    states = []
    for a_t, b_t in zip(a.double().unbind(1), b.double().unbind(1), strict=True):
        h = a_t * h + b_t
        states.append(h)
    return torch.stack(states, dim=1)
