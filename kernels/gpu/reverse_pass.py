"""The backward pass: all gradients in one walk over the chunks from the last to the first.

``kernels.chunk_delta`` has the same algebra in torch. dS, the gradient in the state after a chunk, stays in registers;
the states before each chunk and the corrected values u come from memory (``state_pass`` has just written them). The
inverse T is never differentiated: for r = T^T du, the gradient in Diag(b) A is -r u^T below the diagonal.

Every product takes its left operand as it was loaded or as an earlier product left it, never transposed after a
product; that is why the gradient of the keys as columns is computed as [K, C].
"""

import triton
import triton.language as tl

from kernels.gpu.dots import dot, rounded
from kernels.gpu.gates import CHANNEL, HEAD, NONE, head_gates, level_factors, level_pairs, pair_factors, passes_clamp


@triton.jit
def chunk_back(
    dstate, do, q, k, v, beta, decay, gates, scores, inverse, corrected, entering, dq, dk, dv, dbeta, ddecay,
    start, steps, head, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, ENTERING: tl.constexpr,
    TYPE: tl.constexpr,
):  # fmt: skip
    """One chunk of one value head: from dS [BK, BV] after it to that before it. ``entering`` points to its state."""
    t = tl.arange(0, C)
    c = tl.arange(0, BK)
    w = tl.arange(0, BV)
    row = start * HV + head
    key_row = start * H + head // (HV // H)
    inside = t < steps
    keys = t[:, None] * (H * K) + c[None, :]
    keys_inside = inside[:, None] & (c < K)[None, :]
    channels = t[:, None] * (HV * K) + c[None, :]  # of gates, decay, dq, dk, ddecay
    values = t[:, None] * (HV * V) + w[None, :]
    values_inside = inside[:, None] & (w < V)[None, :]
    transposed = t[None, :] * (HV * C) + t[:, None]
    earlier = t[:, None] > t[None, :]
    if DECAY == HEAD:
        g, whole = head_gates(decay + row, t, steps, HV)
    if DECAY == CHANNEL:
        gates += row * K
        g = tl.load(gates + channels, mask=keys_inside, other=0.0)
        whole = tl.load(gates + (steps - 1) * (HV * K) + c, mask=c < K, other=0.0)

    # Gradient in the corrected values u, through this chunk's outputs and the state after it.
    after = rounded(dstate, TYPE)
    key = tl.load(k + key_row * K + keys, mask=keys_inside, other=0.0)
    query = tl.load(q + key_row * K + keys, mask=keys_inside, other=0.0)
    grad = tl.load(do + row * V + values, mask=values_inside, other=0.0)
    if DECAY == CHANNEL:
        kq = tl.load(scores + row * C + transposed, mask=inside[None, :], other=0.0)
        du = dot(key.to(tl.float32) * tl.exp(whole[None, :] - g), after, TYPE)
    else:
        kq = dot(key, tl.trans(query), TYPE)
        du = dot(key, after, TYPE)
        if DECAY == HEAD:
            kq *= tl.exp(tl.where(t[:, None] <= t[None, :], g[None, :] - g[:, None], float("-inf")))
            du *= tl.exp(whole - g)[:, None]
        else:
            kq = tl.where(t[:, None] <= t[None, :], kq, 0.0)
    du += scale * dot(kq, grad, TYPE)
    if DELTA:
        b = tl.load(beta + row + t * HV, mask=inside, other=0.0).to(tl.float32)
        inverted = tl.load(inverse + row * C + transposed, mask=inside[None, :], other=0.0)
        r = dot(inverted, du, TYPE)
        tl.store(dv + row * V + values, rounded(b[:, None] * r, dv.dtype.element_ty), mask=values_inside)
        u = tl.load(corrected + row * V + values, mask=values_inside, other=0.0)
    else:
        tl.store(dv + row * V + values, rounded(du, dv.dtype.element_ty), mask=values_inside)
        u = tl.load(v + row * V + values, mask=values_inside, other=0.0)

    # Keys that write to the chunk's end. The last G scales these writes and the state: it reaches every step's decay.
    columns = dot(after, tl.trans(u), TYPE)  # [BK, C]
    if DECAY == CHANNEL:
        columns *= tl.trans(tl.exp(whole[None, :] - g))
    if DECAY == HEAD:
        columns *= tl.exp(whole - g)[None, :]
    if DECAY != NONE:
        to_all = tl.sum(columns * tl.trans(key).to(tl.float32), axis=1)
    if ENTERING:
        before = tl.load(entering + c[:, None] * V + w[None, :], mask=(c < K)[:, None] & (w < V)[None, :], other=0.0)
        if DECAY != NONE:
            to_all += tl.exp(whole) * tl.sum(before.to(tl.float32) * dstate, axis=1)
        before = rounded(before, TYPE)

    # Queries, and keys as their partners.
    dqk = tl.where(earlier | (t[:, None] == t[None, :]), scale * dot(grad, tl.trans(u), TYPE), 0.0)
    if ENTERING:
        query_row = scale * dot(grad, tl.trans(before), TYPE)
        if DECAY == CHANNEL:
            query_row *= tl.exp(g)
        if DECAY == HEAD:
            query_row *= tl.exp(g)[:, None]
    else:
        query_row = tl.zeros((C, BK), tl.float32)
    if DECAY == CHANNEL:
        diagonal = scale * tl.sum(grad.to(tl.float32) * u.to(tl.float32), axis=1)[:, None]
        query_row += diagonal * key.to(tl.float32)
        columns += tl.trans(diagonal * query.to(tl.float32))
        for level in tl.range(LEVELS, num_stages=1):
            half = 1 << level
            factors = level_factors(gates, g, t, c, half, steps, HV, K)
            part = tl.where(level_pairs(t, half), dqk, 0.0)
            query_row += factors * dot(part, key.to(tl.float32) * factors, TYPE)
            reading = rounded(query.to(tl.float32) * factors, TYPE)
            columns += tl.trans(factors) * dot(tl.trans(reading), part, TYPE)
    else:
        if DECAY == HEAD:
            dqk *= pair_factors(g, t)
        query_row += dot(dqk, key, TYPE)
        columns += dot(tl.trans(query), dqk, TYPE)
    tl.store(dq + row * K + channels, rounded(query_row, dq.dtype.element_ty), mask=keys_inside)
    if DECAY == HEAD:
        step_grad = tl.sum(query.to(tl.float32) * query_row, axis=1)
        dstate *= tl.exp(whole)
        dstate += dot(tl.trans(query), (scale * tl.exp(g))[:, None] * grad.to(tl.float32), TYPE)
    elif DECAY == CHANNEL:
        gate_grad = query.to(tl.float32) * query_row
        dstate *= tl.exp(whole)[:, None]
        dstate += scale * dot(tl.trans(rounded(query.to(tl.float32) * tl.exp(g), TYPE)), grad, TYPE)
    else:
        dstate += scale * dot(tl.trans(query), grad, TYPE)

    # Keys that read what was written before, and keys as their partners.
    if DELTA:
        dkk = tl.where(earlier, -dot(r, tl.trans(u), TYPE), 0.0)
        if ENTERING:
            key_row = -dot(r, tl.trans(before), TYPE)
            if DECAY == CHANNEL:
                key_row *= tl.exp(g)
            if DECAY == HEAD:
                key_row *= tl.exp(g)[:, None]
        else:
            key_row = tl.zeros((C, BK), tl.float32)
        if DECAY == CHANNEL:
            for level in tl.range(LEVELS, num_stages=1):
                half = 1 << level
                factors = level_factors(gates, g, t, c, half, steps, HV, K)
                part = tl.where(level_pairs(t, half), dkk, 0.0)
                reading = rounded(key.to(tl.float32) * factors, TYPE)
                key_row += factors * dot(part, reading, TYPE)
                columns += tl.trans(factors) * dot(tl.trans(reading), b[:, None] * part, TYPE)
        else:
            if DECAY == HEAD:
                dkk *= pair_factors(g, t)
            key_row += dot(dkk, key, TYPE)
            columns += dot(tl.trans(key), b[:, None] * dkk, TYPE)
        value = tl.load(v + row * V + values, mask=values_inside, other=0.0)
        db = tl.sum(r * value.to(tl.float32), axis=1) + tl.sum(key.to(tl.float32) * key_row, axis=1)
        tl.store(dbeta + row + t * HV, rounded(db, dbeta.dtype.element_ty), mask=inside)
        r *= b[:, None]
        if DECAY == HEAD:
            dstate -= dot(tl.trans(key), tl.exp(g)[:, None] * r, TYPE)
        elif DECAY == CHANNEL:
            dstate -= dot(tl.trans(rounded(key.to(tl.float32) * tl.exp(g), TYPE)), r, TYPE)
        else:
            dstate -= dot(tl.trans(key), r, TYPE)
    columns = tl.trans(columns)
    if DECAY == HEAD:
        step_grad -= tl.sum(key.to(tl.float32) * columns, axis=1)
    if DECAY == CHANNEL:
        gate_grad -= key.to(tl.float32) * columns
    if DELTA:
        key_row *= b[:, None]
        if DECAY == HEAD:
            step_grad += tl.sum(key.to(tl.float32) * key_row, axis=1)
        if DECAY == CHANNEL:
            gate_grad += key.to(tl.float32) * key_row
        columns += key_row
    tl.store(dk + row * K + channels, rounded(columns, dk.dtype.element_ty), mask=keys_inside)
    if DECAY == HEAD:
        step_grad = tl.cumsum(step_grad, axis=0, reverse=True) + tl.sum(to_all, axis=0)
        passing = passes_clamp(tl.load(decay + row + t * HV, mask=inside, other=0.0))
        step_grad = rounded(tl.where(passing, step_grad, 0.0), ddecay.dtype.element_ty)
        tl.store(ddecay + row + t * HV, step_grad, mask=inside)
    if DECAY == CHANNEL:
        gate_grad = tl.cumsum(gate_grad, axis=0, reverse=True) + to_all[None, :]
        passing = passes_clamp(tl.load(decay + row * K + channels, mask=keys_inside, other=0.0))
        gate_grad = rounded(tl.where(passing, gate_grad, 0.0), ddecay.dtype.element_ty)
        tl.store(ddecay + row * K + channels, gate_grad, mask=keys_inside)
    return dstate


@triton.jit(do_not_specialize=["T"])
def reverse_pass_kernel(
    do, dfinal, q, k, v, beta, decay, gates, scores, inverse, corrected, states, dq, dk, dv, dbeta, ddecay, dinitial,
    cu_seqlens, first_chunks, T, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr, DECAY: tl.constexpr, PACKED: tl.constexpr,
    STATES: tl.constexpr, DFINAL: tl.constexpr, DINITIAL: tl.constexpr, ONE_CHUNK: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """A program a sequence (axis 0) and value head (axis 1).

    dq, dk [B, T, HV, K] are parts by value head. STATES: ``states`` holds the state before each chunk; else the only
    chunk starts from zeros. ONE_CHUNK: chunks are counted as sequences, so ``states`` may be the initial states.
    """
    sequence = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    c = tl.arange(0, BK)
    w = tl.arange(0, BV)
    if PACKED:
        start = tl.load(cu_seqlens + sequence)
        length = (tl.load(cu_seqlens + sequence + 1) - start).to(tl.int32)
    else:
        start = sequence * T
        length = T
    if ONE_CHUNK:
        chunk = sequence
    elif PACKED:
        chunk = tl.load(first_chunks + sequence)
    else:
        chunk = sequence * tl.cdiv(T, C)
    tile = (sequence * HV + head) * (K * V) + c[:, None] * V + w[None, :]
    tile_inside = (c < K)[:, None] & (w < V)[None, :]
    if DFINAL:
        dstate = tl.load(dfinal + tile, mask=tile_inside, other=0.0)
    else:
        dstate = tl.zeros((BK, BV), tl.float32)
    chunks = tl.cdiv(length, C)
    for back in range(chunks):
        n = chunks - 1 - back
        if STATES:
            entering = states + ((chunk + n) * HV + head) * (K * V)
        else:
            entering = states
        dstate = chunk_back(
            dstate, do, q, k, v, beta, decay, gates, scores, inverse, corrected, entering, dq, dk, dv, dbeta, ddecay,
            start + n * C, tl.minimum(length - n * C, C), head, scale,
            H, HV, K, V, BK, BV, C, LEVELS, DELTA, DECAY, STATES, TYPE,
        )  # fmt: skip
    if DINITIAL:
        tl.store(dinitial + tile, dstate, mask=tile_inside)
