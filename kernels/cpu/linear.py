"""Chunked linear attention with any decay, forward and backward on chunks.

Chunked form as in Yang et al., "Gated Linear Attention Transformers with Hardware-Efficient Training" (2024,
arXiv 2312.06635): quadratic inside a chunk, a state from chunk to chunk.
"""

from torch import Tensor

from kernels.cpu.chunks import Chunks
from kernels.cpu.decay import add_gated, from_start, gated, gates_gradient, to_end
from kernels.cpu.scores import pair_scores, pair_scores_gradient
from kernels.cpu.states import entering, first, keep, last, leaving, steps, with_first, with_last


def forward(
    qk: Tensor, v: Tensor, gates: Tensor | None, initial: Tensor, scale: float, chunks: Chunks
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Queries and keys [N, M, 2, C, K]; v [N, M, C, V]; gates as in kernels.cpu.decay; initial [S, M, K, V].

    Returns o [N, M, C, V], final states [S, M, K, V] and what the backward pass needs beside the arguments: states
    [N + S, M, K, V], scores [N, M, 1, C, C] and, where each head has one decay, their factors [N, M, 1, C, C].
    """
    q, k = qk.unbind(2)
    start, end = from_start(gates), to_end(gates)
    scores, factors = pair_scores(q.unsqueeze(2), k, gates, start)
    states = with_first(gated(k, end), v, initial, chunks)
    for n, slot in steps(chunks):
        keep(states[slot + 1], states[slot], None if start is None else start[n, :, -1])
    o = gated(q, start) @ entering(states, chunks)
    o.flatten(0, 1).baddbmm_(scores.flatten(0, 2), v.flatten(0, 1), beta=scale, alpha=scale)
    return o, last(states, chunks), [states, scores, *([] if factors is None else [factors])]


def backward(
    do: Tensor, dfinal: Tensor, qk: Tensor, v: Tensor, gates: Tensor | None, saved: list[Tensor],
    scale: float, chunks: Chunks,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor]:  # fmt: skip
    """Gradients in q, k, v, gates and initial from those in o, which is overwritten, and in the final state."""
    states, scores, *rest = saved
    q, k = qk.unbind(2)
    start, end = from_start(gates), to_end(gates)
    do = do.mul_(scale)
    dstates = with_last(gated(q, start), do, dfinal, chunks)
    for n, slot in reversed(steps(chunks)):
        keep(dstates[slot], dstates[slot + 1], None if start is None else start[n, :, -1])
    enter, dleave = entering(states, chunks), leaving(dstates, chunks)
    dv = gated(k, end) @ dleave
    dv.flatten(0, 1).baddbmm_(scores.mT.flatten(0, 2), do.flatten(0, 1))
    dscores = (do @ v.mT).tril_().unsqueeze(2)
    dq, dk = pair_scores_gradient(dscores, q.unsqueeze(2), k, gates, start, rest[0] if rest else None)
    dq = dq.squeeze(2)
    add_gated(dq, do @ enter.mT, start)
    add_gated(dk, v @ dleave.mT, end)
    dgates = None
    if start is not None:
        dgates = gates_gradient([(q, dq)], (k, dk), start, leaving(states, chunks), dleave)
    return dq, dk, dv, dgates, first(dstates, chunks)
