"""The gradient in the state from chunk to chunk, from the last to the first, and the gradient in the values.

``kernels.cpu.delta`` has the same algebra in torch. Only dS passes from chunk to chunk, so only what it needs is
computed here. ``gradients`` takes all other products: all chunks at once in a launch after this one, whose programs are
one a sequence, value head and tile of the values' channels; or chunk by chunk in the same program (``fused_pass``). The
delta rule's inverse T is never differentiated: r = T^T du serves instead.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import CHANNEL, HEAD, head_gates, later_factors


@triton.jit
def chunk_back(
    dstate, do, q, k, beta, decay, gates, scores, inverse, dv, r, start, steps, head, room, scale, w,
    H: tl.constexpr, HV: tl.constexpr, ROOMS: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr,
    C: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head, channels ``w`` of its values: from dS [BK, BV] after it to that before it.

    Writes dv [B, T, HV, V] and r [.., ROOMS, V]: there the chunk's first is row ``room``, counted over steps and ROOMS.
    """
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
        room_values = t[:, None] * (ROOMS * V) + w[None, :]
        tl.store(r + room * V + room_values, rounded(du, TYPE), mask=values_inside)
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
    do, dfinal, q, k, beta, decay, gates, scores, inverse, dstates, dv, r, dinitial, cu_seqlens, first_chunks, T, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    C: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, PACKED: tl.constexpr, INITIAL: tl.constexpr,
    DFINAL: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """A program a sequence (axis 0), value head (axis 1) and tile of BV value channels (axis 2).

    Writes dv, r [B, T, HV, V] (DELTA), dstates [chunks, HV, K, V], the gradient in the state after each chunk, and
    dinitial (INITIAL).
    """
    sequence = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    if PACKED:
        start = tl.load(cu_seqlens + sequence)
        length = (tl.load(cu_seqlens + sequence + 1) - start).to(tl.int32)
        chunk = tl.load(first_chunks + sequence)
    else:
        start = sequence * T
        length = T
        chunk = sequence * tl.cdiv(T, C)
    chunks = tl.cdiv(length, C)
    ends = (sequence * HV + head) * (K * V)
    c = tl.arange(0, BK)
    w = tl.program_id(2) * BV + tl.arange(0, BV)
    tile = c[:, None] * V + w[None, :]
    tile_inside = (c < K)[:, None] & (w < V)[None, :]
    dstate = tl.zeros((BK, BV), tl.float32)
    if DFINAL:
        dstate = tl.load(dfinal + ends + tile, mask=tile_inside, other=0.0)
    for back in tl.range(chunks, disable_licm=True):
        n = chunks - 1 - back
        first = start + n * C
        leaving = ((chunk + n) * HV + head) * (K * V)
        tl.store(dstates + leaving + tile, rounded(dstate, TYPE), mask=tile_inside)
        dstate = chunk_back(
            dstate, do, q, k, beta, decay, gates, scores, inverse, dv, r, first, tl.minimum(length - n * C, C), head,
            first * HV + head, scale, w, H, HV, HV, K, V, BK, C, DELTA, DECAY, TYPE,
        )  # fmt: skip
    if INITIAL:
        tl.store(dinitial + ends + tile, dstate, mask=tile_inside)
