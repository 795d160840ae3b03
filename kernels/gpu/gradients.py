"""Gradients in queries, keys, write strengths and decays of a chunk, once that in the state after it is known.

``kernels.cpu.delta`` has the same algebra in torch. The gradient in Diag(b) A is -r u^T below the diagonal, where u
are the corrected values and r = T^T du (``reverse_pass``). Gradients in the scores of pairs go through memory: reading
them again, rows first or columns first, costs less than the registers to hold them in both orders.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import CHANNEL, HEAD, head_gates, level_factors, level_pairs, pair_factors, passes_clamp
from kernels.gpu.pairs import chunk_place


@triton.jit
def chunk_gradients(
    do, q, k, v, beta, decay, gates, corrected, r, states, before_place, dstates, after_place, dqk, dkk, dq, dk, dbeta,
    ddecay, start, steps, head, room, scale,
    H: tl.constexpr, HV: tl.constexpr, ROOMS: tl.constexpr, K: tl.constexpr, V: tl.constexpr, WHOLE_V: tl.constexpr,
    GRAD_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr,
    BEFORE: tl.constexpr, AFTER: tl.constexpr, FUSED: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head. ``states`` + ``before_place`` points to the state before it, ``dstates`` +
    ``after_place`` to the gradient in the state after it, both [K, V]; without BEFORE or AFTER they are zero. WHOLE_V
    covers all values' channels; the keys' channels are taken GRAD_K at a time. dq, dk [B, T, HV, K] are parts by value
    head. corrected, r [.., ROOMS, V] and dqk, dkk [.., ROOMS, C], room for the scores' gradients, have the chunk's
    first step in row ``room``, counted over steps and ROOMS. FUSED: part of a larger kernel, with few registers left.
    """
    t = tl.arange(0, C)
    w = tl.arange(0, WHOLE_V)
    row = start * HV + head
    key_row = start * H + head // (HV // H)
    inside = t < steps
    values = t[:, None] * (HV * V) + w[None, :]
    values_inside = inside[:, None] & (w < V)[None, :]
    room_values = t[:, None] * (ROOMS * V) + w[None, :]
    pairs = t[:, None] * (ROOMS * C) + t[None, :]
    pairs_turned = t[None, :] * (ROOMS * C) + t[:, None]
    dqk += room * C
    if DELTA:
        dkk += room * C

    # Gradients in the scores [t, s] of queries and, for the delta rule, of keys with keys. What a step writes and reads
    # at once does not decay: the diagonal is kept apart, so that the decay's gradient need not cancel it.
    if DECAY == HEAD:
        g, rest, whole = head_gates(decay + row, t, steps, HV)
    grad = tl.load(do + row * V + values, mask=values_inside, other=0.0)
    if DELTA:
        u = tl.load(corrected + room * V + room_values, mask=values_inside, other=0.0)
    else:
        u = tl.load(v + row * V + values, mask=values_inside, other=0.0)
    diagonal = scale * tl.sum(grad.to(tl.float32) * u.to(tl.float32), axis=1)[:, None]
    score_grad = tl.where(t[:, None] > t[None, :], scale * dot(grad, tl.trans(u), TYPE), 0.0)
    if DECAY == HEAD:
        score_grad *= pair_factors(g, t)
    tl.store(dqk + pairs, rounded(score_grad, TYPE), mask=inside[:, None])
    if DELTA:
        b = tl.load(beta + row + t * HV, mask=inside, other=0.0).to(tl.float32)
        back = tl.load(r + room * V + room_values, mask=values_inside, other=0.0)
        value = tl.load(v + row * V + values, mask=values_inside, other=0.0)
        db = tl.sum(back.to(tl.float32) * value.to(tl.float32), axis=1)
        score_grad = tl.where(t[:, None] > t[None, :], -dot(back, tl.trans(u), TYPE), 0.0)
        if DECAY == HEAD:
            score_grad *= pair_factors(g, t)
        tl.store(dkk + pairs, rounded(score_grad, TYPE), mask=inside[:, None])
    tl.debug_barrier()  # other threads of this program wrote what is read below
    if DECAY == HEAD:
        step_grad = tl.zeros((C,), tl.float32)
    to_all = 0.0
    for first in tl.range(0, K, GRAD_K, num_stages=1, disable_licm=FUSED):
        c = first + tl.arange(0, GRAD_K)
        keys = t[:, None] * (H * K) + c[None, :]
        channels = t[:, None] * (HV * K) + c[None, :]
        keys_inside = inside[:, None] & (c < K)[None, :]
        tile = c[None, :] * V + w[:, None]  # [WHOLE_V, GRAD_K]: states turned
        tile_inside = (c < K)[None, :] & (w < V)[:, None]
        key = tl.load(k + key_row * K + keys, mask=keys_inside, other=0.0)
        query = tl.load(q + key_row * K + keys, mask=keys_inside, other=0.0)
        if DECAY == CHANNEL:
            g = tl.load(gates + row * K + channels, mask=keys_inside, other=0.0)
            whole = tl.load(gates + row * K + (steps - 1) * (HV * K) + c, mask=c < K, other=0.0)
        if BEFORE:
            before = tl.load(states + before_place + tile, mask=tile_inside, other=0.0)
        else:
            before = tl.zeros((WHOLE_V, GRAD_K), TYPE)

        # Queries, then keys, that read the state and what earlier steps wrote.
        rows = scale * dot(grad, before, TYPE)
        if DECAY == CHANNEL:
            rows *= tl.exp(g)
            rows += _level_rows(dqk, gates + row * K, key, g, t, c, steps, HV, ROOMS, K, C, LEVELS, TYPE)
            gate_grad = query.to(tl.float32) * rows
        else:
            if DECAY == HEAD:
                rows *= tl.exp(g)[:, None]
            rows += dot(tl.load(dqk + pairs, mask=inside[:, None], other=0.0), key, TYPE)
            if DECAY == HEAD:
                step_grad += tl.sum(query.to(tl.float32) * rows, axis=1)
        rows += diagonal * key.to(tl.float32)
        tl.store(dq + row * K + channels, rounded(rows, dq.dtype.element_ty), mask=keys_inside)
        if DELTA:
            rows = -dot(back, before, TYPE)
            if DECAY == CHANNEL:
                rows *= tl.exp(g)
                rows += _level_rows(dkk, gates + row * K, key, g, t, c, steps, HV, ROOMS, K, C, LEVELS, TYPE)
            else:
                if DECAY == HEAD:
                    rows *= tl.exp(g)[:, None]
                rows += dot(tl.load(dkk + pairs, mask=inside[:, None], other=0.0), key, TYPE)
            db += tl.sum(key.to(tl.float32) * rows, axis=1)
            rows *= b[:, None]
            if DECAY == CHANNEL:
                gate_grad += key.to(tl.float32) * rows
            if DECAY == HEAD:
                step_grad += tl.sum(key.to(tl.float32) * rows, axis=1)

        # Keys that write: to the chunk's end and to its later steps.
        if AFTER:
            after = tl.load(dstates + after_place + tile, mask=tile_inside, other=0.0)
            columns = dot(u, after, TYPE)
            if DECAY == CHANNEL:
                columns *= tl.exp(whole[None, :] - g)
            if DECAY == HEAD:
                columns *= tl.exp(rest)[:, None]
            # The chunk's last G scales the state and these writes, so the decay of every step feels it.
            if DECAY == CHANNEL:
                last_grad = tl.sum(key.to(tl.float32) * columns, axis=0)
                last_grad += tl.exp(whole) * tl.sum(before.to(tl.float32) * after.to(tl.float32), axis=0)
            if DECAY == HEAD:
                to_all += tl.sum(tl.sum(key.to(tl.float32) * columns, axis=0), axis=0)
                to_all += tl.exp(whole) * tl.sum(tl.sum(before.to(tl.float32) * after.to(tl.float32), axis=0), axis=0)
        else:
            columns = tl.zeros((C, GRAD_K), tl.float32)
            last_grad = tl.zeros((GRAD_K,), tl.float32)
        if DECAY == CHANNEL:
            columns += _level_columns(dqk, gates + row * K, query, g, t, c, steps, HV, ROOMS, K, C, LEVELS, TYPE)
            if DELTA:
                weighted = b[:, None] * key.to(tl.float32)
                columns += _level_columns(dkk, gates + row * K, weighted, g, t, c, steps, HV, ROOMS, K, C, LEVELS, TYPE)
            gate_grad -= key.to(tl.float32) * columns
        else:
            columns += dot(tl.load(dqk + pairs_turned, mask=inside[None, :], other=0.0), query, TYPE)
            if DELTA:
                part = tl.load(dkk + pairs_turned, mask=inside[None, :], other=0.0)
                columns += dot(part, b[:, None] * key.to(tl.float32), TYPE)
            if DECAY == HEAD:
                step_grad -= tl.sum(key.to(tl.float32) * columns, axis=1)
        columns += diagonal * query.to(tl.float32)
        if DELTA:
            columns += rows
        tl.store(dk + row * K + channels, rounded(columns, dk.dtype.element_ty), mask=keys_inside)
        if DECAY == CHANNEL:
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


@triton.jit
def _level_rows(
    score_grads, gates, key, g, t, c, steps,
    HV: tl.constexpr, ROOMS: tl.constexpr, K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """What keys of earlier steps give to the gradient in the rows: decays per channel. score_grads [t, s] in memory."""
    pairs = t[:, None] * (ROOMS * C) + t[None, :]
    rows = tl.zeros(g.shape, tl.float32)
    for level in tl.range(LEVELS, num_stages=1):
        half = 1 << level
        factors = level_factors(gates, g, t, c, half, steps, HV, K)
        part = tl.load(score_grads + pairs, mask=level_pairs(t, half) & (t < steps)[:, None], other=0.0)
        rows += factors * dot(part, key.to(tl.float32) * factors, TYPE)
    return rows


@triton.jit
def _level_columns(
    score_grads, gates, x, g, t, c, steps,
    HV: tl.constexpr, ROOMS: tl.constexpr, K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """What x [C, GRAD_K] of later steps gives to the gradient in the keys as columns, as ``_level_rows``."""
    turned = t[None, :] * (ROOMS * C) + t[:, None]
    columns = tl.zeros(g.shape, tl.float32)
    for level in tl.range(LEVELS, num_stages=1):
        half = 1 << level
        factors = level_factors(gates, g, t, c, half, steps, HV, K)
        part = tl.load(score_grads + turned, mask=tl.trans(level_pairs(t, half)) & (t < steps)[None, :], other=0.0)
        columns += factors * dot(part, x.to(tl.float32) * factors, TYPE)
    return columns


@triton.jit(do_not_specialize=["T"])
def gradients_kernel(
    do, q, k, v, beta, decay, gates, corrected, r, states, dstates, dqk, dkk, dq, dk, dbeta, ddecay, starts, stops, T,
    scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, WHOLE_V: tl.constexpr, GRAD_K: tl.constexpr,
    C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, PACKED: tl.constexpr,
    TYPE: tl.constexpr,
):  # fmt: skip
    """A program a chunk (axis 0) and value head (axis 1)."""
    start, steps = chunk_place(starts, stops, T, C, PACKED)
    head = tl.program_id(1)
    place = (tl.program_id(0).to(tl.int64) * HV + head) * (K * V)
    if steps > 0:
        chunk_gradients(
            do, q, k, v, beta, decay, gates, corrected, r, states, place, dstates, place, dqk, dkk, dq, dk, dbeta,
            ddecay, start, steps, head, start * HV + head, scale, H, HV, HV, K, V, WHOLE_V, GRAD_K, C, LEVELS, DELTA,
            DECAY, True, True, False, TYPE,
        )  # fmt: skip
