"""The delta rule with any decay: DeltaNet, Gated DeltaNet, KDA.

Yang et al., "Parallelizing Linear Transformers with the Delta Rule over Sequence Length" (2024, arXiv 2406.06484); with
one decay a head, Yang et al., "Gated Delta Networks" (2025, arXiv 2412.06464); with one a channel, Kimi Team, "Kimi
Linear" (2025, arXiv 2510.26692).
"""

from torch import Tensor

from kernels.chunked import mix


def chunk_delta(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    decay: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """S_t = (I - b_t k_t k_t^T) Diag(exp a_t) S_{t-1} + b_t k_t v_t^T and o_t = scale * q_t^T S_t, linear in T.

    q, k [B, T, H, K]; v [B, T, HV, V], where HV is a multiple of H and value head i reads key head i // (HV / H).
    beta [B, T, HV] is the write strength, already through its sigmoid, in (0, 2). The state stays bounded if no key is
    longer than 1 (``l2_norm``). decay is a_t <= 0 in log space: None, [HV], [B, T, HV] or [B, T, HV, K]; see
    ``kernels.cpu.decay.FLOOR`` for its limit. scale defaults to K ** -0.5. initial_state [B, HV, K, V] is zero
    by default.
    Returns o [B, T, HV, V] in v's type and the final state [B, HV, K, V] in float32 (float64 if any input is).
    With cu_seqlens [S + 1], int64, B is 1 and S sequences lie along T, sequence s from step cu_seqlens[s] to
    cu_seqlens[s + 1]: nothing crosses a border, and states are [S, HV, K, V].
    Gradients flow to every input, also from the final state. ValueError if shapes or values do not fit.
    """
    return mix(q, k, v, beta, decay, scale, initial_state, cu_seqlens)
