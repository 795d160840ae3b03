"""Chunked delta rule with any decay: DeltaNet, Gated DeltaNet, KDA.

Within a chunk the corrected values u solve (I + Diag(b) A) u = Diag(b) (v - K' S), where A holds the decayed products
of each key with the earlier ones and K' the keys decayed from the chunk's start: the WY form of Yang et al.,
"Parallelizing Linear Transformers with the Delta Rule over Sequence Length" (2024, arXiv 2406.06484, section 3), with
the decay of Yang et al., "Gated Delta Networks" (2025, arXiv 2412.06464, section 3). The triangular system is solved by
substitution: a power series in A explodes on correlated keys. The backward pass is written out and never differentiates
the inverse: for r = (I + Diag(b) A)^-T du, the gradient in Diag(b) A is -r u^T.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.arguments import compute_dtype, require_mixing
from kernels.chunks import chunk_size, from_chunks, to_chunks
from kernels.decay import from_start, gated, gates_gradient, gates_of, to_end
from kernels.scores import pair_scores, pair_scores_gradient


def chunk_delta(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    decay: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """S_t = (I - b_t k_t k_t^T) Diag(exp a_t) S_{t-1} + b_t k_t v_t^T and o_t = scale * q_t^T S_t, linear in T.

    q, k [B, T, H, K]; v [B, T, HV, V], where HV is a multiple of H and value head i reads key head i // (HV / H).
    beta [B, T, HV] is the write strength, already through its sigmoid, in (0, 2). The state stays bounded if no key is
    longer than 1 (``l2_norm``). decay is a_t <= 0 in log space: None, [HV], [B, T, HV] or [B, T, HV, K]; see
    ``kernels.decay.FLOOR`` for its limit. scale defaults to K ** -0.5. initial_state [B, HV, K, V] defaults to zeros.
    Returns o [B, T, HV, V] in v's type and the final state [B, HV, K, V] in float32 (float64 if any input is).
    Gradients flow to every input, also from the final state. ValueError if shapes do not fit.
    """
    require_mixing(q, k, v, beta, decay, initial_state)
    batch, length, heads, value_width = v.shape
    width = q.shape[-1]
    size = chunk_size(width)
    dtype = compute_dtype(q, k, v, beta, decay, initial_state)
    with torch.autocast(q.device.type, enabled=False):
        state = q.new_zeros(batch, heads, width, value_width) if initial_state is None else initial_state
        o, state = _ChunkDelta.apply(
            *(to_chunks(x.to(dtype), heads, size) for x in (q, k, v, beta.unsqueeze(-1))),
            gates_of(decay, k, v, size, dtype),
            state.to(dtype).flatten(0, 1),
            width**-0.5 if scale is None else scale,
        )
        return from_chunks(o, batch, length).to(v.dtype), state.unflatten(0, (batch, heads))


class _ChunkDelta(torch.autograd.Function):
    """On chunks: q, k [N, M, C, K]; v [N, M, C, V]; beta [N, M, C, 1]; gates as in kernels.decay; state [M, K, V]."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, beta: Tensor, gates: Tensor | None, state: Tensor, scale: float
    ) -> tuple[Tensor, Tensor]:
        (scores, overlaps), factors = pair_scores([q, k], k, gates)
        overlaps.tril_(-1)
        start, end = from_start(gates), to_end(gates)
        k_end = gated(k, end)
        identity = torch.eye(q.shape[2], dtype=q.dtype, device=q.device).expand_as(overlaps)
        inverse = torch.linalg.solve_triangular(beta * overlaps, identity, upper=False, unitriangular=True)
        writing = inverse * beta.mT
        u, reads = writing @ v, writing @ gated(k, start)
        states = state.new_empty(q.shape[0] + 1, *state.shape)  # states[n] enters chunk n; the last one is final
        states[0] = state
        for n in range(q.shape[0]):
            u[n].baddbmm_(reads[n], states[n], alpha=-1)
            kept = states[n] if start is None else states[n] * start[n, :, -1, :, None]
            torch.baddbmm(kept, k_end[n].mT, u[n], out=states[n + 1])
        o = gated(q, start) @ states[:-1]
        o.flatten(0, 1).baddbmm_(scores.flatten(0, 1), u.flatten(0, 1), beta=scale, alpha=scale)
        ctx.save_for_backward(
            q, k, v, beta, gates, start, end, scores, overlaps, factors, inverse, reads, u, states
        )  # fmt: skip
        ctx.scale = scale
        return o, states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, o_gradient: Tensor, state_gradient: Tensor) -> tuple[Tensor | None, ...]:
        (
            q, k, v, beta, gates, start, end, scores, overlaps, factors, inverse, reads, u, states
        ) = ctx.saved_tensors  # fmt: skip
        with torch.autocast(q.device.type, enabled=False):
            do = torch.mul(o_gradient, ctx.scale, out=torch.empty_like(v))
            du = scores.mT @ do
            dstates = torch.cat([gated(q, start).mT @ do, state_gradient[None]])
            k_end = gated(k, end)
            for n in reversed(range(q.shape[0])):
                du[n].baddbmm_(k_end[n], dstates[n + 1])
                dstates[n] += dstates[n + 1] if start is None else dstates[n + 1] * start[n, :, -1, :, None]
                dstates[n].baddbmm_(reads[n].mT, du[n], alpha=-1)
            r = inverse.mT @ du
            dv = beta * r
            dread = r @ states[:-1].mT
            dsystem = (r @ u.mT).neg_().tril_(-1)
            dbeta = (r * v).sum(-1) - (dread * gated(k, start)).sum(-1) + (dsystem * overlaps).sum(-1)
            (dq, dk_row), dk_column = pair_scores_gradient(
                [(do @ u.mT).tril_(), dsystem.mul_(beta)], [q, k], k, gates, factors
            )
            dq += gated(do @ states[:-1].mT, start)
            dk_row -= gated(beta * dread, start)
            dk_end = gated(u @ dstates[1:].mT, end)
            dk_column += dk_end
            dgates = None
            if gates is not None:
                kept = start[..., -1, :] * (states[:-1] * dstates[1:]).sum(dim=-1)
                dgates = gates_gradient(gates, q * dq + k * dk_row, k * dk_column, k * dk_end, kept)
        return dq, dk_row + dk_column, dv, dbeta.unsqueeze(-1), dgates, dstates[0], None
