"""Chunked delta rule with any decay, forward and backward on chunks.

Within a chunk the corrected values u solve (I + Diag(b) A) u = Diag(b) (v - K' S), where A holds the decayed products
of each key with the earlier ones and K' the keys decayed from the chunk's start: the WY form of Yang et al.,
"Parallelizing Linear Transformers with the Delta Rule over Sequence Length" (2024, arXiv 2406.06484, section 3), with
the decay of Yang et al., "Gated Delta Networks" (2025, arXiv 2412.06464, section 3). The triangular system is solved by
substitution: a power series in A explodes on correlated keys. The backward pass never differentiates the inverse: for
r = (I + Diag(b) A)^-T du, the gradient in Diag(b) A is -r u^T.
"""

import torch
from torch import Tensor

from kernels.cpu.chunks import Chunks
from kernels.cpu.decay import add_gated, from_start, gated, gates_gradient, to_end
from kernels.cpu.scores import pair_scores, pair_scores_gradient
from kernels.cpu.states import entering, first, keep, last, leaving, steps, with_last


def forward(
    qk: Tensor, v: Tensor, beta: Tensor, gates: Tensor | None, initial: Tensor, scale: float, chunks: Chunks
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Queries and keys [N, M, 2, C, K]; v [N, M, C, V]; beta [N, M, C, 1]; gates as in kernels.cpu.decay;
    initial [S, M, K, V].

    Returns o [N, M, C, V], final states [S, M, K, V] and what the backward pass needs beside the arguments: states
    [N + S, M, K, V], scores of queries and overlaps of keys [N, M, 2, C, C], the inverse's transpose [N, M, C, C], u
    [N, M, C, V], what u reads [N, M, C, K] and, where each head has one decay, the factors of scores [N, M, 1, C, C].
    """
    q, k = qk.unbind(2)
    start, end = from_start(gates), to_end(gates)
    pairs, factors = pair_scores(qk, k, gates, start)
    scores, overlaps = pairs.unbind(2)
    k_end = gated(k, end)
    identity = torch.eye(q.shape[2], dtype=q.dtype, device=q.device).expand_as(overlaps)
    inverse = torch.linalg.solve_triangular(beta * overlaps, identity, upper=False, unitriangular=True)
    writing = inverse * beta.mT
    u, reads = writing @ v, writing @ gated(k, start)
    states = initial.new_zeros(q.shape[0] + initial.shape[0], *initial.shape[1:])
    for s, (begin, _) in enumerate(chunks.runs):
        states[begin + s] = initial[s]
    for n, slot in steps(chunks):
        u[n].baddbmm_(reads[n], states[slot], alpha=-1)
        kept = states[slot] if start is None else states[slot] * start[n, :, -1, :, None]
        torch.baddbmm(kept, k_end[n].mT, u[n], out=states[slot + 1])
    o = gated(q, start) @ entering(states, chunks)
    o.flatten(0, 1).baddbmm_(scores.flatten(0, 1), u.flatten(0, 1), beta=scale, alpha=scale)
    # The solver's matrices lie column by column in memory, so the transpose is the one that lies row by row.
    saved = [states, pairs, inverse.mT.contiguous(), u, reads, *([] if factors is None else [factors])]
    return o, last(states, chunks), saved


def backward(
    do: Tensor, dfinal: Tensor, qk: Tensor, v: Tensor, beta: Tensor, gates: Tensor | None, saved: list[Tensor],
    scale: float, chunks: Chunks,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor]:  # fmt: skip
    """Gradients in q, k, v, beta, gates and initial from those in o, which is overwritten, and in the final state."""
    states, pairs, transposed, u, reads, *rest = saved
    (q, k), (scores, overlaps) = qk.unbind(2), pairs.unbind(2)
    start, end = from_start(gates), to_end(gates)
    do = do.mul_(scale)
    du = scores.mT @ do
    dstates = with_last(gated(q, start), do, dfinal, chunks)
    k_end = gated(k, end)
    for n, slot in reversed(steps(chunks)):
        du[n].baddbmm_(k_end[n], dstates[slot + 1])
        keep(dstates[slot], dstates[slot + 1], None if start is None else start[n, :, -1])
        dstates[slot].baddbmm_(reads[n].mT, du[n], alpha=-1)
    dleave = leaving(dstates, chunks)
    r = transposed @ du
    dv = beta * r
    # Of what the queries read, and of what the keys read and the system holds, which enters with a minus.
    both = torch.stack([do, r.neg_()], dim=2).flatten(2, 3)
    dread_q, dread_k = (both @ entering(states, chunks).mT).unflatten(2, (2, -1)).unbind(2)
    dpairs = (both @ u.mT).unflatten(2, (2, -1)).tril_()
    dsystem = dpairs[:, :, 1].tril_(-1)
    dbeta = torch.linalg.vecdot(dsystem, overlaps) - torch.linalg.vecdot(r, v)
    if start is None or start.shape[-1] > 1:
        dbeta += torch.linalg.vecdot(dread_k, gated(k, start))
    else:
        dbeta.addcmul_(torch.linalg.vecdot(dread_k, k), start.squeeze(-1))
    dsystem.mul_(beta)
    dqk, dk = pair_scores_gradient(dpairs, qk, k, gates, start, rest[0] if rest else None)
    dq, dk_row = dqk.unbind(2)
    add_gated(dq, dread_q, start)
    dk_row.addcmul_(dread_k, gated(beta, start))
    add_gated(dk, u @ dleave.mT, end)
    dgates = None
    if start is not None:
        dgates = gates_gradient([(q, dq), (k, dk_row)], (k, dk), start, leaving(states, chunks), dleave)
    return dq, dk_row.add_(dk), dv, dbeta.unsqueeze(-1), dgates, first(dstates, chunks)
