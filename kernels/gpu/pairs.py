"""What a chunk's pairs of steps give before any state is known: the first launch of the forward pass.

The scores of queries with keys, sum_c q_tc k_sc exp(G_tc - G_sc) for s <= t; for the delta rule the inverse
(I + Diag(b) A)^-1, where A_ts = sum_c k_tc k_sc exp(G_tc - G_sc) for s < t; with decays per channel also G. All chunks
at once, so the state pass, which walks over the chunks one by one, is left with few products.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import CHANNEL, HEAD, NONE, clamped, head_gates, level_factors, level_pairs, pair_factors
from kernels.gpu.inverse import unit_lower_inverse


@triton.jit
def chunk_pairs(
    q, k, beta, decay, gates, scores, inverse, start, steps, head,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, PAIR_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr,
    DELTA: tl.constexpr, DECAY: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head: ``steps`` steps from ``start`` (int64, counted over the batch).

    Writes scores [.., HV, C], inverse [.., HV, C] (DELTA) and gates [.., HV, K] float32 (CHANNEL). Goes over the
    channels of the keys PAIR_K at a time.
    """
    t = tl.arange(0, C)
    row = start * HV + head
    key_row = start * H + head // (HV // H)
    pairs = t[:, None] * (HV * C) + t[None, :]
    qk = tl.zeros((C, C), tl.float32)
    if DELTA:
        kk = tl.zeros((C, C), tl.float32)
    for first in tl.range(0, K, PAIR_K, num_stages=1):
        c = first + tl.arange(0, PAIR_K)
        inside = (t < steps)[:, None] & (c < K)[None, :]
        keys = t[:, None] * (H * K) + c[None, :]
        key = tl.load(k + key_row * K + keys, mask=inside, other=0.0)
        query = tl.load(q + key_row * K + keys, mask=inside, other=0.0)
        if DECAY == CHANNEL:
            channels = t[:, None] * (HV * K) + c[None, :]
            g = tl.cumsum(clamped(tl.load(decay + row * K + channels, mask=inside, other=0.0)), axis=0)
            tl.store(gates + row * K + channels, g, mask=inside)
            tl.debug_barrier()  # the levels below read other steps' G from memory
            diagonal = tl.sum(query.to(tl.float32) * key.to(tl.float32), axis=1)
            qk += tl.where(t[:, None] == t[None, :], diagonal[:, None], 0.0)
            for level in tl.range(LEVELS, num_stages=1):
                half = 1 << level
                factors = level_factors(gates + row * K, g, t, c, half, steps, HV, K)
                columns = rounded(key.to(tl.float32) * factors, TYPE)
                reading = query.to(tl.float32) * factors
                qk += tl.where(level_pairs(t, half), dot(reading, tl.trans(columns), TYPE), 0.0)
                if DELTA:
                    kk += tl.where(level_pairs(t, half), dot(columns, tl.trans(columns), TYPE), 0.0)
        else:
            qk += dot(query, tl.trans(key), TYPE)
            if DELTA:
                kk += dot(key, tl.trans(key), TYPE)
    if DECAY == HEAD:
        g, _, _ = head_gates(decay + row, t, steps, HV)
        qk *= pair_factors(g, t)
    if DECAY == NONE:
        qk = tl.where(t[:, None] >= t[None, :], qk, 0.0)
    tl.store(scores + row * C + pairs, rounded(qk, scores.dtype.element_ty), mask=(t < steps)[:, None])
    if DELTA:
        if DECAY == HEAD:
            kk *= pair_factors(g, t)
        b = tl.load(beta + row + t * HV, mask=t < steps, other=0.0).to(tl.float32)
        system = tl.where(t[:, None] > t[None, :], b[:, None] * kk, 0.0)
        inverted = rounded(unit_lower_inverse(system, C), inverse.dtype.element_ty)
        tl.store(inverse + row * C + pairs, inverted, mask=(t < steps)[:, None])


@triton.jit(do_not_specialize=["T"])
def pairs_kernel(
    q, k, beta, decay, gates, scores, inverse, starts, stops, T,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, PAIR_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr,
    DELTA: tl.constexpr, DECAY: tl.constexpr, PACKED: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """A program a chunk (axis 0) and value head (axis 1)."""
    start, steps = chunk_place(starts, stops, T, C, PACKED)
    if steps > 0:
        chunk_pairs(
            q, k, beta, decay, gates, scores, inverse, start, steps, tl.program_id(1),
            H, HV, K, PAIR_K, C, LEVELS, DELTA, DECAY, TYPE,
        )  # fmt: skip


@triton.jit
def chunk_place(starts, stops, T, C: tl.constexpr, PACKED: tl.constexpr):
    """First step (counted over the batch) and number of steps of the chunk that program axis 0 counts; 0 for none."""
    chunk = tl.program_id(0).to(tl.int64)
    if PACKED:
        start = tl.load(starts + chunk)
        stop = tl.load(stops + chunk)
    else:
        chunks = tl.cdiv(T, C)
        start = chunk // chunks * T + chunk % chunks * C
        stop = (chunk // chunks + 1) * T
    return start, tl.minimum(stop - start, C).to(tl.int32)
