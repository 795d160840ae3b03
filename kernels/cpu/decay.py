"""Log decays inside a chunk: clamped, summed from the chunk's start, and turned into factors that never overflow.

``gates`` always means G [N, M, C, 1 or K], the sum of the log decays from the chunk's first step up to and including
this one; None where nothing decays. Between steps s <= t the state keeps exp(G_t - G_s), which is at most 1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from kernels.cpu.chunks import Chunks

FLOOR = {torch.float32: -16.0, torch.float64: -100.0}
"""A log decay below this counts as this. exp(-16) = 1.1e-7 is float32's resolution and exp(-100) = 4e-44 lies far below
float64's, so nothing visible is lost; minus infinity (a hard reset) becomes legal; and four such steps, the most
that ``kernels.cpu.scores`` ever multiplies into a factor above 1, stay far from overflow."""


def gates_of(decay: Tensor, chunks: Chunks, dtype: torch.dtype) -> Tensor:
    """Log decay [B, T, HV] or [B, T, HV, K] -> G in ``dtype``."""
    decay = decay.to(dtype).clamp(min=FLOOR[dtype], max=0.0)
    cut = chunks.cut(decay.unsqueeze(-1) if decay.dim() < 4 else decay, dtype)
    return _earlier(cut) @ cut


def _earlier(x: Tensor) -> Tensor:
    """Ones for each step and those before it, [C, C]: a product with them takes the place of cumsum, slow on a CPU."""
    return torch.ones(x.shape[-2], x.shape[-2], dtype=x.dtype, device=x.device).tril()


def log_decay_gradient(decay: Tensor, dgates: Tensor, chunks: Chunks, into: Tensor) -> None:
    """Gradient in ``decay`` from that in G: every later sum of its chunk holds it. Zero where it was clamped."""
    chunks.join(_earlier(dgates).mT @ dgates, into if into.dim() == 4 else into.unsqueeze(-1))
    floor = FLOOR[dgates.dtype]
    if decay.amin() < floor:
        into.masked_fill_(decay < floor, 0.0)


def from_start(gates: Tensor | None) -> Tensor | None:
    """What is kept of the chunk's initial state at each step: exp(G_t) [N, M, C, 1 or K]."""
    return None if gates is None else gates.exp()


def to_end(gates: Tensor | None) -> Tensor | None:
    """What is kept of each step's write at the chunk's end: exp(G_C - G_t) [N, M, C, 1 or K]."""
    return None if gates is None else (gates[..., -1:, :] - gates).exp()


def gated(x: Tensor, factor: Tensor | None) -> Tensor:
    """x times a factor that may be absent."""
    return x if factor is None else x * factor


def add_gated(into: Tensor, x: Tensor, factor: Tensor | None) -> None:
    """Add x times a factor that may be absent."""
    if factor is None:
        into.add_(x)
    else:
        into.addcmul_(x, factor)


def gates_gradient(
    rows: Sequence[tuple[Tensor, Tensor]], columns: tuple[Tensor, Tensor], start: Tensor, leaving: Tensor,
    dleaving: Tensor,
) -> Tensor:  # fmt: skip
    """Gradient of the loss in G, [N, M, C, 1 or K] as ``start`` = exp(G) has it.

    G enters only through products x * exp(+-G), so its gradient is x times x's own: plus for ``rows`` (queries,
    and keys that read), minus for ``columns`` (keys that write), each a pair of [N, M, C, K]. The chunk's last G also
    scales all that leaves the chunk, [N, M, K, V], whose gradient is ``dleaving``.
    """
    last = torch.linalg.vecdot(leaving, dleaving)
    if start.shape[-1] > 1:
        gradient = rows[0][0] * rows[0][1]
        for x, dx in rows[1:]:
            gradient.addcmul_(x, dx)
        gradient.addcmul_(*columns, value=-1)
        gradient[..., -1, :] += last
        return gradient
    gradient = sum(torch.linalg.vecdot(*row) for row in rows) - torch.linalg.vecdot(*columns)
    gradient[..., -1] += last.sum(dim=-1)
    return gradient.unsqueeze(-1)
