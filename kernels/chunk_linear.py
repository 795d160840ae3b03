"""Linear attention with any decay: linear attention, RetNet, Mamba-2-like, GLA, HGRN2.

Yang et al., "Gated Linear Attention Transformers with Hardware-Efficient Training" (2024, arXiv 2312.06635), equation 3
for a decay per channel; Dao and Gu, "Transformers are SSMs" (2024, arXiv 2405.21060) for one per head.
"""

from torch import Tensor

from kernels.chunked import mix


def chunk_linear(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    decay: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """S_t = Diag(exp a_t) S_{t-1} + k_t v_t^T and o_t = scale * q_t^T S_t, in time and memory linear in T.

    q, k [B, T, H, K]; v [B, T, HV, V], where HV is a multiple of H and value head i reads key head i // (HV / H).
    decay is a_t <= 0 in log space: None, [HV], [B, T, HV] or [B, T, HV, K]; ``kernels.cpu.decay.FLOOR`` limits it.
    scale defaults to K ** -0.5. initial_state [B, HV, K, V] defaults to zeros.
    Returns o [B, T, HV, V] in v's type and the final state [B, HV, K, V] in float32 (float64 if any input is).
    With cu_seqlens [S + 1], int64, B is 1 and S sequences lie along T, sequence s from step cu_seqlens[s] to
    cu_seqlens[s + 1]: nothing crosses a border, and states are [S, HV, K, V].
    Gradients flow to every input, also from the final state. ValueError if shapes or values do not fit.
    """
    return mix(q, k, v, None, decay, scale, initial_state, cu_seqlens)
