"""Chunked linear attention with any decay: linear attention, RetNet, Mamba-2-like, GLA, HGRN2.

Chunked form as in Yang et al., "Gated Linear Attention Transformers with Hardware-Efficient Training" (2024,
arXiv 2312.06635): quadratic inside a chunk, a state from chunk to chunk. The backward pass is written out.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.arguments import compute_dtype, require_mixing
from kernels.chunks import chunk_size, from_chunks, to_chunks
from kernels.decay import from_start, gated, gates_gradient, gates_of, to_end
from kernels.scores import pair_scores, pair_scores_gradient


def chunk_linear(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    decay: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """S_t = Diag(exp a_t) S_{t-1} + k_t v_t^T and o_t = scale * q_t^T S_t, in time and memory linear in T.

    q, k [B, T, H, K]; v [B, T, HV, V], where HV is a multiple of H and value head i reads key head i // (HV / H).
    decay is a_t <= 0 in log space: None, [HV], [B, T, HV] or [B, T, HV, K]; see ``kernels.decay.FLOOR`` for its limit.
    scale defaults to K ** -0.5. initial_state [B, HV, K, V] defaults to zeros.
    Returns o [B, T, HV, V] in v's type and the final state [B, HV, K, V] in float32 (float64 if any input is).
    Gradients flow to every input, also from the final state. ValueError if shapes do not fit.
    """
    require_mixing(q, k, v, None, decay, initial_state)
    batch, length, heads, value_width = v.shape
    width = q.shape[-1]
    size = chunk_size(width)
    dtype = compute_dtype(q, k, v, decay, initial_state)
    with torch.autocast(q.device.type, enabled=False):
        state = q.new_zeros(batch, heads, width, value_width) if initial_state is None else initial_state
        o, state = _ChunkLinear.apply(
            *(to_chunks(x.to(dtype), heads, size) for x in (q, k, v)),
            gates_of(decay, k, v, size, dtype),
            state.to(dtype).flatten(0, 1),
            width**-0.5 if scale is None else scale,
        )
        return from_chunks(o, batch, length).to(v.dtype), state.unflatten(0, (batch, heads))


class _ChunkLinear(torch.autograd.Function):
    """The op on chunks: q, k [N, M, C, K]; v [N, M, C, V]; gates as in kernels.decay; state [M, K, V]."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, gates: Tensor | None, state: Tensor, scale: float
    ) -> tuple[Tensor, Tensor]:
        (scores,), factors = pair_scores([q], k, gates)
        start, end = from_start(gates), to_end(gates)
        states = torch.cat([state[None], gated(k, end).mT @ v])  # states[n] enters chunk n; the last one is final
        for n in range(q.shape[0]):
            states[n + 1] += states[n] if start is None else states[n] * start[n, :, -1, :, None]
        o = gated(q, start) @ states[:-1]
        o.flatten(0, 1).baddbmm_(scores.flatten(0, 1), v.flatten(0, 1), beta=scale, alpha=scale)
        ctx.save_for_backward(q, k, v, gates, start, end, scores, factors, states)
        ctx.scale = scale
        return o, states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, o_gradient: Tensor, state_gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, gates, start, end, scores, factors, states = ctx.saved_tensors
        with torch.autocast(q.device.type, enabled=False):
            do = torch.mul(o_gradient, ctx.scale, out=torch.empty_like(v))
            dstates = torch.cat([gated(q, start).mT @ do, state_gradient[None]])
            for n in reversed(range(q.shape[0])):
                dstates[n] += dstates[n + 1] if start is None else dstates[n + 1] * start[n, :, -1, :, None]
            dv = gated(k, end) @ dstates[1:]
            dv.flatten(0, 1).baddbmm_(scores.mT.flatten(0, 1), do.flatten(0, 1))
            (dq,), dk = pair_scores_gradient([(do @ v.mT).tril_()], [q], k, gates, factors)
            dq += gated(do @ states[:-1].mT, start)
            dk_end = gated(v @ dstates[1:].mT, end)
            dk += dk_end
            dgates = None
            if gates is not None:
                kept = start[..., -1, :] * (states[:-1] * dstates[1:]).sum(dim=-1)
                dgates = gates_gradient(gates, q * dq, k * dk, k * dk_end, kept)
        return dq, dk, dv, dgates, dstates[0], None
