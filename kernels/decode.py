"""One step at a time, as decoding needs it: each op's recurrence, with the state handed in and out.

``rms_norm_gate`` and ``l2_norm`` treat every step alone: they decode as they are.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import (
    compute_dtype,
    require_contiguous,
    require_decay,
    require_heads,
    require_one_device,
    require_shape,
)
from kernels.conv import require_activation
from kernels.values import require_values


def linear_step(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor, decay: Tensor | None = None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    """One step of ``chunk_linear``: q, k [B, H, K]; v [B, HV, V]; state [B, HV, K, V].

    decay [HV], [B, HV] or [B, HV, K], in log space. Returns o [B, HV, V] in v's type and the next state in float32
    (float64 if any input is). ValueError as there.
    """
    return _step(q, k, v, None, state, decay, scale)


def delta_step(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: Tensor, decay: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of ``chunk_delta``: as ``linear_step``, with beta [B, HV]."""
    return _step(q, k, v, beta, state, decay, scale)


def scan_step(a: Tensor, b: Tensor, state: Tensor) -> Tensor:
    """One step of ``linear_scan``: a, b and state [B, D]; returns h [B, D] in b's type, also the next state."""
    require_shape("a", a, (None, None), "[B, D]")
    require_shape("b", b, tuple(a.shape), "[B, D] as a has it")
    require_shape("state", state, tuple(a.shape), "[B, D] as a has it")
    require_one_device(a=a, b=b, state=state)
    dtype = compute_dtype(a, b, state)
    return torch.addcmul(b.to(dtype), a.to(dtype), state.to(dtype)).to(b.dtype)


def conv_step(
    x: Tensor, weight: Tensor, state: Tensor, activation: Literal["silu"] | None = "silu"
) -> tuple[Tensor, Tensor]:
    """One step of ``short_conv``: x [B, D]; weight [D, W]; state [B, W - 1, D], the inputs before, zeros at first.

    Returns y [B, D] in x's type and the next state. ValueError as there.
    """
    require_shape("x", x, (None, None), "[B, D]")
    require_shape("weight", weight, (x.shape[-1], None), "[D, W]")
    before = weight.shape[1] - 1
    if before:
        require_shape("state", state, (x.shape[0], before, x.shape[1]), "[B, W - 1, D]")
    require_activation(activation)
    require_one_device(x=x, weight=weight, state=state)
    dtype = compute_dtype(x, weight, state)
    seen = torch.cat([state.to(dtype), x.to(dtype).unsqueeze(1)], dim=1)
    y = (seen * weight.to(dtype).mT).sum(dim=1)
    return (y if activation is None else F.silu(y)).to(x.dtype), seen[:, 1:].to(state.dtype).contiguous()


def _step(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, state: Tensor, decay: Tensor | None, scale: float | None
) -> tuple[Tensor, Tensor]:
    require_shape("q", q, (None, None, None), "[B, H, K]")
    batch, heads, width = q.shape
    require_shape("k", k, (batch, heads, width), "[B, H, K] as q has it")
    require_shape("v", v, (batch, None, None), "[B, HV, V]")
    value_heads, value_width = v.shape[1:]
    require_heads(heads, width, value_heads, value_width)
    require_shape("state", state, (batch, value_heads, width, value_width), "[B, HV, K, V]")
    if beta is not None:
        require_shape("beta", beta, (batch, value_heads), "[B, HV]")
    if decay is not None:
        require_decay(decay, (batch,), value_heads, width)
        require_values(decay, None, 1)
    given = {"q": q, "k": k, "v": v, "beta": beta, "state": state, "decay": decay}
    require_one_device(**given)
    require_contiguous(**given)
    dtype = compute_dtype(*given.values())
    group = value_heads // heads
    q, k = (x.to(dtype).repeat_interleave(group, dim=1) if group > 1 else x.to(dtype) for x in (q, k))
    state = state.to(dtype)
    with torch.autocast(q.device.type, enabled=False):
        if decay is not None:
            kept = decay.to(dtype).exp()
            state = state * (kept[..., None, None] if decay.dim() < 3 else kept[..., None])
        written = v.to(dtype)
        if beta is not None:
            written = beta.to(dtype)[..., None] * (written - torch.einsum("bhk,bhkv->bhv", k, state))
        state = state + k[..., None] * written[..., None, :]
        o = torch.einsum("bhk,bhkv->bhv", q, state) * (width**-0.5 if scale is None else scale)
    return o.to(v.dtype), state
