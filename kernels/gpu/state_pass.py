"""The state from chunk to chunk: outputs and the final state (forward), or states and corrected values (backward).

One program a sequence, value head and tile of the values' channels. Corrected values and chunk states leave the
registers only when the backward pass asks for them.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import CHANNEL, HEAD, head_gates, pair_factors
from kernels.gpu.pairs import chunk_pairs


@triton.jit
def chunk_step(
    state, q, k, v, beta, decay, gates, scores, inverse, o, corrected, start, steps, head, scale, w,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, C: tl.constexpr,
    DELTA: tl.constexpr, DECAY: tl.constexpr, OUTPUT: tl.constexpr, CORRECTED: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head, channels ``w`` of its values: from the state before it to that after it."""
    SCORED: tl.constexpr = DELTA or DECAY == CHANNEL  # chunk_pairs has run
    t = tl.arange(0, C)
    c = tl.arange(0, BK)
    row = start * HV + head
    key_row = start * H + head // (HV // H)
    inside = (t < steps)[:, None]
    keys = t[:, None] * (H * K) + c[None, :]
    keys_inside = inside & (c < K)[None, :]
    values = t[:, None] * (HV * V) + w[None, :]
    values_inside = inside & (w < V)[None, :]
    pairs = t[:, None] * (HV * C) + t[None, :]
    held = rounded(state, TYPE)
    key = tl.load(k + key_row * K + keys, mask=keys_inside, other=0.0)
    g = 0.0
    if DECAY == HEAD:
        g, rest, whole = head_gates(decay + row, t, steps, HV)
    if DECAY == CHANNEL:
        g = tl.load(gates + row * K + t[:, None] * (HV * K) + c[None, :], mask=keys_inside, other=0.0)
        whole = tl.load(gates + row * K + (steps - 1) * (HV * K) + c, mask=c < K, other=0.0)
    u = tl.load(v + row * V + values, mask=values_inside, other=0.0)
    if DELTA:
        u = corrected_values(u, key, held, g, beta + row, inverse + row * C, t, steps, pairs, inside, HV, DECAY, TYPE)
        if CORRECTED:
            tl.store(corrected + row * V + values, u, mask=values_inside)
    if OUTPUT:
        query = tl.load(q + key_row * K + keys, mask=keys_inside, other=0.0)
        out = _read(query, held, g, DECAY, TYPE)
        if SCORED:
            qk = tl.load(scores + row * C + pairs, mask=inside, other=0.0)
        else:
            qk = dot(query, tl.trans(key), TYPE)
            if DECAY == HEAD:
                qk *= pair_factors(g, t)
            else:
                qk = tl.where(t[:, None] >= t[None, :], qk, 0.0)
        out += dot(qk, u, TYPE)
        tl.store(o + row * V + values, rounded(scale * out, o.dtype.element_ty), mask=values_inside)
    if DECAY == CHANNEL:
        state *= tl.exp(whole)[:, None]
        kept = rounded(key.to(tl.float32) * tl.exp(whole[None, :] - g), TYPE)
        state += dot(tl.trans(kept), u, TYPE)
    elif DECAY == HEAD:
        state *= tl.exp(whole)
        state += dot(tl.trans(key), u.to(tl.float32) * tl.exp(rest)[:, None], TYPE)
    else:
        state += dot(tl.trans(key), u, TYPE)
    return state


@triton.jit
def corrected_values(
    v, key, state, g, beta, inverse, t, steps, pairs, inside,
    HV: tl.constexpr, DECAY: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """(I + Diag(b) A)^-1 Diag(b) (v - what the chunk's initial state tells of v) [C, BV]; beta and inverse point to the
    chunk's first."""
    b = tl.load(beta + t * HV, mask=t < steps, other=0.0).to(tl.float32)
    told = _read(key, state, g, DECAY, TYPE)
    inverted = tl.load(inverse + pairs, mask=inside, other=0.0)
    return rounded(dot(inverted, b[:, None] * (v.to(tl.float32) - told), TYPE), TYPE)


@triton.jit
def _read(x, state, g, DECAY: tl.constexpr, TYPE: tl.constexpr):
    """What x [C, BK] finds in the chunk's initial state after its decay up to each step."""
    if DECAY == CHANNEL:
        found = dot(x.to(tl.float32) * tl.exp(g), state, TYPE)
    elif DECAY == HEAD:
        found = dot(x, state, TYPE) * tl.exp(g)[:, None]
    else:
        found = dot(x, state, TYPE)
    return found


@triton.jit(do_not_specialize=["T"])
def state_pass_kernel(
    q, k, v, beta, decay, gates, scores, inverse, initial, o, corrected, states, final, cu_seqlens, first_chunks,
    T, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    PAIR_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr,
    PACKED: tl.constexpr, INITIAL: tl.constexpr, PAIRS: tl.constexpr, OUTPUT: tl.constexpr, CORRECTED: tl.constexpr,
    STATES: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """A program a sequence (axis 0), value head (axis 1) and tile of BV value channels (axis 2).

    OUTPUT writes o and the final state [.., HV, K, V] float32, CORRECTED the corrected values [B, T, HV, V], STATES
    [chunks, HV, K, V] the state that enters each chunk. PAIRS is for sequences of one chunk: one program does the first
    launch's work and then takes all tiles.
    """
    sequence = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    if PACKED:
        start = tl.load(cu_seqlens + sequence)
        length = (tl.load(cu_seqlens + sequence + 1) - start).to(tl.int32)
        if STATES:
            chunk = tl.load(first_chunks + sequence)
    else:
        start = sequence * T
        length = T
        chunk = sequence * tl.cdiv(T, C)
    if PAIRS:
        if length > 0:
            chunk_pairs(
                q, k, beta, decay, gates, scores, inverse, start, length, head, H, HV, K, PAIR_K, C, LEVELS, DELTA,
                DECAY, TYPE,
            )  # fmt: skip
        tl.debug_barrier()  # other threads of this program wrote what is read next
    c = tl.arange(0, BK)
    ends = (sequence * HV + head) * (K * V)
    last = V if PAIRS else (tl.program_id(2) + 1) * BV
    for left in tl.range(tl.program_id(2) * BV, last, BV, num_stages=1):
        w = left + tl.arange(0, BV)
        tile = c[:, None] * V + w[None, :]
        tile_inside = (c < K)[:, None] & (w < V)[None, :]
        if INITIAL:
            state = tl.load(initial + ends + tile, mask=tile_inside, other=0.0)
        else:
            state = tl.zeros((BK, BV), tl.float32)
        for n in range(tl.cdiv(length, C)):
            if STATES:
                entering = ((chunk + n) * HV + head) * (K * V)
                tl.store(states + entering + tile, rounded(state, states.dtype.element_ty), mask=tile_inside)
            state = chunk_step(
                state, q, k, v, beta, decay, gates, scores, inverse, o, corrected, start + n * C,
                tl.minimum(length - n * C, C), head, scale, w, H, HV, K, V, BK, C, DELTA, DECAY, OUTPUT, CORRECTED,
                TYPE,
            )  # fmt: skip
        if OUTPUT:
            tl.store(final + ends + tile, state, mask=tile_inside)
