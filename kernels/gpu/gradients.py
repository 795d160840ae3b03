"""Gradients in queries, keys, write strengths and decays, all chunks at once, when every state and its gradient is known.

``kernels.chunk_delta`` has the same algebra in torch. The gradient in Diag(b) A is -r u^T below the diagonal, where u
are the corrected values and r = T^T du (``reverse_pass``). Scores are taken in both orientations, [t, s] for the
gradients of steps that read and [s, t] for those that write, each straight from its operands.
"""

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import (
    CHANNEL,
    HEAD,
    NONE,
    head_gates,
    later_factors,
    level_factors,
    level_pairs,
    level_pairs_later,
    pair_factors,
    passes_clamp,
)
from kernels.gpu.pairs import chunk_place


@triton.jit
def chunk_gradients(
    do, q, k, v, beta, decay, gates, corrected, r, states, dstates, place, dq, dk, dbeta, ddecay, start, steps, head,
    scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, WHOLE_V: tl.constexpr, PAIR_K: tl.constexpr,
    C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, BEFORE: tl.constexpr,
    AFTER: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head. ``states`` + ``place`` points to the state before it, ``dstates`` + ``place`` to
    the gradient in the state after it, both [K, V]; without BEFORE or AFTER they are zero. WHOLE_V covers all values'
    channels; the keys' channels are taken PAIR_K at a time. dq, dk [B, T, HV, K] are parts by value head.
    """
    t = tl.arange(0, C)
    w = tl.arange(0, WHOLE_V)
    row = start * HV + head
    key_row = start * H + head // (HV // H)
    inside = t < steps
    values = t[:, None] * (HV * V) + w[None, :]
    values_inside = inside[:, None] & (w < V)[None, :]
    grad = tl.load(do + row * V + values, mask=values_inside, other=0.0)
    if DELTA:
        u = tl.load(corrected + row * V + values, mask=values_inside, other=0.0)
        back = tl.load(r + row * V + values, mask=values_inside, other=0.0)
        value = tl.load(v + row * V + values, mask=values_inside, other=0.0)
        b = tl.load(beta + row + t * HV, mask=inside, other=0.0).to(tl.float32)
        db = tl.sum(back.to(tl.float32) * value.to(tl.float32), axis=1)
        dkk = -dot(back, tl.trans(u), TYPE)
        dkk_later = -b[None, :] * dot(u, tl.trans(back), TYPE)
    else:
        u = tl.load(v + row * V + values, mask=values_inside, other=0.0)
    dqk = scale * dot(grad, tl.trans(u), TYPE)
    dqk_later = scale * dot(u, tl.trans(grad), TYPE)
    if DECAY == CHANNEL:
        diagonal = scale * tl.sum(grad.to(tl.float32) * u.to(tl.float32), axis=1)[:, None]
    else:
        if DECAY == HEAD:
            g, whole = head_gates(decay + row, t, steps, HV)
            dqk *= pair_factors(g, t)
            dqk_later *= later_factors(g, t)
        else:
            dqk = tl.where(t[:, None] >= t[None, :], dqk, 0.0)
            dqk_later = tl.where(t[:, None] <= t[None, :], dqk_later, 0.0)
        if DELTA:
            dkk = tl.where(t[:, None] > t[None, :], dkk, 0.0)
            dkk_later = tl.where(t[:, None] < t[None, :], dkk_later, 0.0)
            if DECAY == HEAD:
                dkk *= pair_factors(g, t)
                dkk_later *= later_factors(g, t)
    dqk = rounded(dqk, TYPE)
    dqk_later = rounded(dqk_later, TYPE)
    if DELTA:
        dkk = rounded(dkk, TYPE)
        dkk_later = rounded(dkk_later, TYPE)
    if DECAY == HEAD:
        step_grad = tl.zeros((C,), tl.float32)
        to_all = 0.0
    for first in tl.range(0, K, PAIR_K, num_stages=1):
        c = first + tl.arange(0, PAIR_K)
        keys = t[:, None] * (H * K) + c[None, :]
        keys_inside = inside[:, None] & (c < K)[None, :]
        channels = t[:, None] * (HV * K) + c[None, :]
        tile = place + c[None, :] * V + w[:, None]  # [WHOLE_V, PAIR_K]: states transposed
        tile_inside = (c < K)[None, :] & (w < V)[:, None]
        key = tl.load(k + key_row * K + keys, mask=keys_inside, other=0.0)
        if DECAY == CHANNEL:
            g = tl.load(gates + row * K + channels, mask=keys_inside, other=0.0)
            whole = tl.load(gates + row * K + (steps - 1) * (HV * K) + c, mask=c < K, other=0.0)

        # Keys that write to the chunk's end.
        if AFTER:
            after = tl.load(dstates + tile, mask=tile_inside, other=0.0)
            columns = dot(u, after, TYPE)
            if DECAY == CHANNEL:
                columns *= tl.exp(whole[None, :] - g)
            if DECAY == HEAD:
                columns *= tl.exp(whole - g)[:, None]
        else:
            columns = tl.zeros((C, PAIR_K), tl.float32)
        if BEFORE:
            before = tl.load(states + tile, mask=tile_inside, other=0.0)
        # The chunk's last G scales the state and the writes to the end, so every step's decay gets this gradient.
        if DECAY != NONE:
            last_grad = tl.sum(key.to(tl.float32) * columns, axis=0)
            if BEFORE and AFTER:
                last_grad += tl.exp(whole) * tl.sum(before.to(tl.float32) * after.to(tl.float32), axis=0)

        # Queries, and keys as their partners.
        query = tl.load(q + key_row * K + keys, mask=keys_inside, other=0.0)
        if BEFORE:
            query_row = scale * dot(grad, before, TYPE)
            if DECAY == CHANNEL:
                query_row *= tl.exp(g)
            if DECAY == HEAD:
                query_row *= tl.exp(g)[:, None]
        else:
            query_row = tl.zeros((C, PAIR_K), tl.float32)
        if DECAY == CHANNEL:
            query_row += diagonal * key.to(tl.float32)
            columns += diagonal * query.to(tl.float32)
            for level in tl.range(LEVELS, num_stages=1):
                half = 1 << level
                factors = level_factors(gates + row * K, g, t, c, half, steps, HV, K)
                part = tl.where(level_pairs(t, half), dqk, 0.0)
                query_row += factors * dot(part, key.to(tl.float32) * factors, TYPE)
                part = tl.where(level_pairs_later(t, half), dqk_later, 0.0)
                columns += factors * dot(part, query.to(tl.float32) * factors, TYPE)
            gate_grad = query.to(tl.float32) * query_row
        else:
            query_row += dot(dqk, key, TYPE)
            columns += dot(dqk_later, query, TYPE)
            if DECAY == HEAD:
                step_grad += tl.sum(query.to(tl.float32) * query_row, axis=1)
        tl.store(dq + row * K + channels, rounded(query_row, dq.dtype.element_ty), mask=keys_inside)

        # Keys that read what was written before, and keys as their partners.
        if DELTA:
            if BEFORE:
                reading = -dot(back, before, TYPE)
                if DECAY == CHANNEL:
                    reading *= tl.exp(g)
                if DECAY == HEAD:
                    reading *= tl.exp(g)[:, None]
            else:
                reading = tl.zeros((C, PAIR_K), tl.float32)
            if DECAY == CHANNEL:
                for level in tl.range(LEVELS, num_stages=1):
                    half = 1 << level
                    factors = level_factors(gates + row * K, g, t, c, half, steps, HV, K)
                    faded = rounded(key.to(tl.float32) * factors, TYPE)
                    reading += factors * dot(tl.where(level_pairs(t, half), dkk, 0.0), faded, TYPE)
                    columns += factors * dot(tl.where(level_pairs_later(t, half), dkk_later, 0.0), faded, TYPE)
            else:
                reading += dot(dkk, key, TYPE)
                columns += dot(dkk_later, key, TYPE)
            db += tl.sum(key.to(tl.float32) * reading, axis=1)
            reading *= b[:, None]
            tl.store(dk + row * K + channels, rounded(columns + reading, dk.dtype.element_ty), mask=keys_inside)
            columns -= reading  # from here on only what G sees: plus as rows, minus as columns
        else:
            tl.store(dk + row * K + channels, rounded(columns, dk.dtype.element_ty), mask=keys_inside)
        if DECAY == HEAD:
            step_grad -= tl.sum(key.to(tl.float32) * columns, axis=1)
            to_all += tl.sum(last_grad, axis=0)
        if DECAY == CHANNEL:
            gate_grad -= key.to(tl.float32) * columns
            gate_grad = tl.cumsum(gate_grad, axis=0, reverse=True) + last_grad[None, :]
            passing = passes_clamp(tl.load(decay + row * K + channels, mask=keys_inside, other=0.0))
            gate_grad = rounded(tl.where(passing, gate_grad, 0.0), ddecay.dtype.element_ty)
            tl.store(ddecay + row * K + channels, gate_grad, mask=keys_inside)
    if DELTA:
        tl.store(dbeta + row + t * HV, rounded(db, dbeta.dtype.element_ty), mask=inside)
    if DECAY == HEAD:
        step_grad = tl.cumsum(step_grad, axis=0, reverse=True) + to_all
        passing = passes_clamp(tl.load(decay + row + t * HV, mask=inside, other=0.0))
        step_grad = rounded(tl.where(passing, step_grad, 0.0), ddecay.dtype.element_ty)
        tl.store(ddecay + row + t * HV, step_grad, mask=inside)


@triton.jit(do_not_specialize=["T"])
def gradients_kernel(
    do, q, k, v, beta, decay, gates, corrected, r, states, dstates, dq, dk, dbeta, ddecay, starts, stops, T, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, WHOLE_V: tl.constexpr, PAIR_K: tl.constexpr,
    C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, PACKED: tl.constexpr,
    TYPE: tl.constexpr,
):  # fmt: skip
    """A program a chunk (axis 0) and value head (axis 1)."""
    start, steps = chunk_place(starts, stops, T, C, PACKED)
    head = tl.program_id(1)
    place = (tl.program_id(0).to(tl.int64) * HV + head) * (K * V)
    if steps > 0:
        chunk_gradients(
            do, q, k, v, beta, decay, gates, corrected, r, states, dstates, place, dq, dk, dbeta, ddecay, start, steps,
            head, scale, H, HV, K, V, WHOLE_V, PAIR_K, C, LEVELS, DELTA, DECAY, True, True, TYPE,
        )  # fmt: skip
