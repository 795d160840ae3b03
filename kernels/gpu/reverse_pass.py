"""The gradient in the state from chunk to chunk, from the last to the first, and the gradient in the values.

``kernels.cpu.delta`` has the same algebra in torch. Only dS passes from chunk to chunk, so only what it needs is
computed here; ``gradients`` takes all other products, all chunks at once. One program a sequence, value head and tile
of the values' channels. The delta rule's inverse T is never differentiated: r = T^T du serves instead.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import CHANNEL, HEAD, head_gates, later_factors
from kernels.gpu.gradients import chunk_gradients


@triton.jit
def chunk_back(
    dstate, do, q, k, beta, decay, gates, scores, inverse, dv, r, start, steps, head, scale, w,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, C: tl.constexpr,
    DELTA: tl.constexpr, DECAY: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head, channels ``w`` of its values: from dS [BK, BV] after it to that before it."""
    SCORED: tl.constexpr = DELTA or DECAY == CHANNEL  # forward has kept the scores
    t = tl.arange(0, C)
    c = tl.arange(0, BK)
    row = start * HV + head
    key_row = start * H + head // (HV // H)
    inside = t < steps
    keys = t[:, None] * (H * K) + c[None, :]
    keys_inside = inside[:, None] & (c < K)[None, :]
    values = t[:, None] * (HV * V) + w[None, :]
    values_inside = inside[:, None] & (w < V)[None, :]
    transposed = t[None, :] * (HV * C) + t[:, None]
    after = rounded(dstate, TYPE)
    key = tl.load(k + key_row * K + keys, mask=keys_inside, other=0.0)
    query = tl.load(q + key_row * K + keys, mask=keys_inside, other=0.0)
    grad = tl.load(do + row * V + values, mask=values_inside, other=0.0)
    # Gradient in the corrected values, through this chunk's outputs and the state after it.
    if SCORED:
        kq = tl.load(scores + row * C + transposed, mask=inside[None, :], other=0.0)
    else:
        kq = dot(key, tl.trans(query), TYPE)
    if DECAY == CHANNEL:
        g = tl.load(gates + row * K + t[:, None] * (HV * K) + c[None, :], mask=keys_inside, other=0.0)
        whole = tl.load(gates + row * K + (steps - 1) * (HV * K) + c, mask=c < K, other=0.0)
        du = dot(key.to(tl.float32) * tl.exp(whole[None, :] - g), after, TYPE)
    else:
        du = dot(key, after, TYPE)
    if DECAY == HEAD:
        g, rest, whole = head_gates(decay + row, t, steps, HV)
        du *= tl.exp(rest)[:, None]
        if not SCORED:
            kq *= later_factors(g, t)
    elif not SCORED:
        kq = tl.where(t[:, None] <= t[None, :], kq, 0.0)
    du += scale * dot(kq, grad, TYPE)
    if DECAY == CHANNEL:
        dstate *= tl.exp(whole)[:, None]
        dstate += scale * dot(tl.trans(rounded(query.to(tl.float32) * tl.exp(g), TYPE)), grad, TYPE)
    elif DECAY == HEAD:
        dstate *= tl.exp(whole)
        dstate += dot(tl.trans(query), (scale * tl.exp(g))[:, None] * grad.to(tl.float32), TYPE)
    else:
        dstate += scale * dot(tl.trans(query), grad, TYPE)
    if DELTA:
        b = tl.load(beta + row + t * HV, mask=inside, other=0.0).to(tl.float32)
        inverted = tl.load(inverse + row * C + transposed, mask=inside[None, :], other=0.0)
        du = dot(inverted, du, TYPE)
        tl.store(r + row * V + values, rounded(du, TYPE), mask=values_inside)
        du *= b[:, None]
        if DECAY == CHANNEL:
            dstate -= dot(tl.trans(rounded(key.to(tl.float32) * tl.exp(g), TYPE)), du, TYPE)
        elif DECAY == HEAD:
            dstate -= dot(tl.trans(key), tl.exp(g)[:, None] * du, TYPE)
        else:
            dstate -= dot(tl.trans(key), du, TYPE)
    tl.store(dv + row * V + values, rounded(du, dv.dtype.element_ty), mask=values_inside)
    return dstate


@triton.jit(do_not_specialize=["T"])
def reverse_pass_kernel(
    do, dfinal, q, k, v, beta, decay, gates, scores, inverse, corrected, initial, dstates, dqk, dkk, dq, dk, dv, r,
    dbeta, ddecay, dinitial, cu_seqlens, first_chunks, T, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    WHOLE_V: tl.constexpr, GRAD_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr,
    DECAY: tl.constexpr, PACKED: tl.constexpr, INITIAL: tl.constexpr, DFINAL: tl.constexpr, ONE_CHUNK: tl.constexpr,
    TYPE: tl.constexpr,
):  # fmt: skip
    """A program a sequence (axis 0), value head (axis 1) and tile of BV value channels (axis 2).

    Writes dv, r [B, T, HV, V] (DELTA), dstates [chunks, HV, K, V], the gradient in the state after each chunk, and
    dinitial (INITIAL). ONE_CHUNK: one program takes all tiles of a sequence of one chunk and then, instead of writing
    dstates, does the work of ``gradients`` as well.
    """
    sequence = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    if PACKED:
        start = tl.load(cu_seqlens + sequence)
        length = (tl.load(cu_seqlens + sequence + 1) - start).to(tl.int32)
        if not ONE_CHUNK:
            chunk = tl.load(first_chunks + sequence)
    else:
        start = sequence * T
        length = T
        chunk = sequence * tl.cdiv(T, C)
    chunks = tl.cdiv(length, C)
    ends = (sequence * HV + head) * (K * V)
    c = tl.arange(0, BK)
    last = V if ONE_CHUNK else (tl.program_id(2) + 1) * BV
    for left in tl.range(tl.program_id(2) * BV, last, BV, num_stages=1):
        w = left + tl.arange(0, BV)
        tile = c[:, None] * V + w[None, :]
        tile_inside = (c < K)[:, None] & (w < V)[None, :]
        if DFINAL:
            dstate = tl.load(dfinal + ends + tile, mask=tile_inside, other=0.0)
        else:
            dstate = tl.zeros((BK, BV), tl.float32)
        for back in range(chunks):
            n = chunks - 1 - back
            if not ONE_CHUNK:
                leaving = ((chunk + n) * HV + head) * (K * V)
                tl.store(dstates + leaving + tile, rounded(dstate, TYPE), mask=tile_inside)
            dstate = chunk_back(
                dstate, do, q, k, beta, decay, gates, scores, inverse, dv, r, start + n * C,
                tl.minimum(length - n * C, C), head, scale, w, H, HV, K, V, BK, C, DELTA, DECAY, TYPE,
            )  # fmt: skip
        if INITIAL:
            tl.store(dinitial + ends + tile, dstate, mask=tile_inside)
    if ONE_CHUNK:
        tl.debug_barrier()  # other threads of this program wrote what is read next
        if length > 0:
            chunk_gradients(
                do, q, k, v, beta, decay, gates, corrected, r, initial, dfinal, ends, dqk, dkk, dq, dk, dbeta, ddecay,
                start, length, head, scale, H, HV, K, V, WHOLE_V, GRAD_K, C, LEVELS, DELTA, DECAY, INITIAL, DFINAL,
                TYPE,
            )  # fmt: skip
