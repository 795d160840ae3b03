"""The backward pass: all gradients in one walk over the chunks from the last to the first.

``kernels.chunk_delta`` has the same algebra in torch. dS, the gradient in the state after a chunk, stays in registers;
the states before each chunk and the corrected values u come from memory (``state_pass`` has just written them). The
inverse T is never differentiated: for r = T^T du, the gradient in Diag(b) A is -r u^T below the diagonal.

Every product takes its left operand as it was loaded or as an earlier product left it, never transposed after a
product; that is why the gradient of the keys as columns is computed as [K, C].
"""

import triton
import triton.language as tl

from kernels.gpu.dots import dot
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
    inside = (t < steps)[:, None]
    keys = (start * H + head // (HV // H)) * K + t[:, None] * (H * K) + c[None, :]
    keys_inside = inside & (c < K)[None, :]
    values = (start * HV + head) * V + t[:, None] * (HV * V) + w[None, :]
    values_inside = inside & (w < V)[None, :]
    transposed = (start * HV + head) * C + t[None, :] * (HV * C) + t[:, None]
    scalars = start * HV + head + t * HV
    state_tile = c[:, None] * V + w[None, :]
    state_inside = (c < K)[:, None] & (w < V)[None, :]
    channels = (start * HV + head) * K + t[:, None] * (HV * K) + c[None, :]  # of gates, decay, dq, dk, ddecay

    grad = tl.load(do + values, mask=values_inside, other=0.0)
    key = tl.load(k + keys, mask=keys_inside, other=0.0)
    query = tl.load(q + keys, mask=keys_inside, other=0.0)
    after = dstate.to(TYPE)
    if DECAY == HEAD:
        g, whole = head_gates(decay + start * HV + head, t, steps, HV)
    if DECAY == CHANNEL:
        first = (start * HV + head) * K
        g = tl.load(gates + channels, mask=keys_inside, other=0.0)
        whole = tl.load(gates + first + (steps - 1) * (HV * K) + c, mask=c < K, other=0.0)

    # Gradient in the corrected values, through this chunk's outputs and the state after it.
    if DECAY == CHANNEL:
        kq = tl.load(scores + transposed, mask=(t < steps)[None, :], other=0.0)
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
        b = tl.load(beta + scalars, mask=t < steps, other=0.0).to(tl.float32)
        r = dot(tl.load(inverse + transposed, mask=(t < steps)[None, :], other=0.0), du, TYPE)
        tl.store(dv + values, (b[:, None] * r).to(dv.dtype.element_ty), mask=values_inside)
        u = tl.load(corrected + values, mask=values_inside, other=0.0)
    else:
        tl.store(dv + values, du.to(dv.dtype.element_ty), mask=values_inside)
        u = tl.load(v + values, mask=values_inside, other=0.0)

    # Gradients of queries and keys as rows (``_row``) and of keys as columns ([BK, C]): first all that states bring.
    dqk = scale * dot(grad, tl.trans(u), TYPE)
    dqk = tl.where(t[:, None] >= t[None, :], dqk, 0.0)
    if DELTA:
        dkk = tl.where(t[:, None] > t[None, :], -dot(r, tl.trans(u), TYPE), 0.0)
    columns = dot(after, tl.trans(u), TYPE)
    if DECAY == CHANNEL:
        columns *= tl.trans(tl.exp(whole[None, :] - g))
    if DECAY == HEAD:
        columns *= tl.exp(whole - g)[None, :]
    if ENTERING:
        before = tl.load(entering + state_tile, mask=state_inside, other=0.0)
        query_row = scale * dot(grad, tl.trans(before).to(TYPE), TYPE)
        if DELTA:
            key_row = -dot(r, tl.trans(before).to(TYPE), TYPE)
        if DECAY == CHANNEL:
            query_row *= tl.exp(g)
            if DELTA:
                key_row *= tl.exp(g)
        if DECAY == HEAD:
            query_row *= tl.exp(g)[:, None]
            if DELTA:
                key_row *= tl.exp(g)[:, None]
    else:
        query_row = tl.zeros((C, BK), tl.float32)
        if DELTA:
            key_row = tl.zeros((C, BK), tl.float32)
    # The last G of the chunk scales every write to its end and the state: it reaches the decay of each step alike.
    if DECAY != NONE:
        shared = tl.sum(columns * tl.trans(key).to(tl.float32), axis=1)
        if ENTERING:
            kept = tl.sum(before.to(tl.float32) * dstate, axis=1)
            shared += tl.exp(whole) * kept

    # Then what pairs of steps in this chunk bring.
    if DECAY == CHANNEL:
        diagonal = scale * tl.sum(grad.to(tl.float32) * u.to(tl.float32), axis=1)[:, None]
        query_row += diagonal * key.to(tl.float32)
        columns += tl.trans(diagonal * query.to(tl.float32))
        for level in tl.range(LEVELS, num_stages=1):
            half = 1 << level
            factors = level_factors(gates + first, g, t, c, half, steps, HV, K)
            mine = level_pairs(t, half)
            key_part = (key.to(tl.float32) * factors).to(TYPE)
            query_part = (query.to(tl.float32) * factors).to(TYPE)
            dqk_part = tl.where(mine, dqk, 0.0)
            query_row += factors * dot(dqk_part, key_part, TYPE)
            column_part = dot(tl.trans(query_part), dqk_part, TYPE)
            if DELTA:
                dkk_part = tl.where(mine, dkk, 0.0)
                key_row += factors * dot(dkk_part, key_part, TYPE)
                column_part += dot(tl.trans(key_part), b[:, None] * dkk_part, TYPE)
            columns += tl.trans(factors) * column_part
    else:
        if DECAY == HEAD:
            factors = pair_factors(g, t)
            dqk *= factors
        query_row += dot(dqk, key, TYPE)
        columns += dot(tl.trans(query), dqk, TYPE)
        if DELTA:
            if DECAY == HEAD:
                dkk *= factors
            key_row += dot(dkk, key, TYPE)
            columns += dot(tl.trans(key), b[:, None] * dkk, TYPE)
    columns = tl.trans(columns)
    tl.store(dq + channels, query_row.to(dq.dtype.element_ty), mask=keys_inside)
    gate_grad = query.to(tl.float32) * query_row - key.to(tl.float32) * columns
    if DELTA:
        value = tl.load(v + values, mask=values_inside, other=0.0)
        db = tl.sum(r * value.to(tl.float32), axis=1) + tl.sum(key.to(tl.float32) * key_row, axis=1)
        tl.store(dbeta + scalars, db.to(dbeta.dtype.element_ty), mask=t < steps)
        key_row *= b[:, None]
        gate_grad += key.to(tl.float32) * key_row
        columns += key_row
    tl.store(dk + channels, columns.to(dk.dtype.element_ty), mask=keys_inside)
    if DECAY == CHANNEL:
        gate_grad = tl.cumsum(gate_grad, axis=0, reverse=True) + shared[None, :]
        given = tl.load(decay + channels, mask=keys_inside, other=0.0)
        gate_grad = tl.where(passes_clamp(given), gate_grad, 0.0)
        tl.store(ddecay + channels, gate_grad.to(ddecay.dtype.element_ty), mask=keys_inside)
    if DECAY == HEAD:
        step_grad = tl.cumsum(tl.sum(gate_grad, axis=1), axis=0, reverse=True) + tl.sum(shared, axis=0)
        given = tl.load(decay + scalars, mask=t < steps, other=0.0)
        step_grad = tl.where(passes_clamp(given), step_grad, 0.0)
        tl.store(ddecay + scalars, step_grad.to(ddecay.dtype.element_ty), mask=t < steps)

    # Gradient in the state before this chunk.
    if DECAY == CHANNEL:
        opened = tl.exp(g)
        dstate *= tl.exp(whole)[:, None]
        dstate += scale * dot(tl.trans((query.to(tl.float32) * opened).to(TYPE)), grad, TYPE)
        if DELTA:
            dstate -= dot(tl.trans((key.to(tl.float32) * opened).to(TYPE)), b[:, None] * r, TYPE)
    else:
        read = scale * grad.to(tl.float32)
        if DECAY == HEAD:
            dstate *= tl.exp(whole)
            read *= tl.exp(g)[:, None]
        dstate += dot(tl.trans(query), read, TYPE)
        if DELTA:
            read = b[:, None] * r
            if DECAY == HEAD:
                read *= tl.exp(g)[:, None]
            dstate -= dot(tl.trans(key), read, TYPE)
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
    tile = (sequence * HV + head) * K * V + c[:, None] * V + w[None, :]
    tile_inside = (c < K)[:, None] & (w < V)[None, :]
    if DFINAL:
        dstate = tl.load(dfinal + tile, mask=tile_inside, other=0.0)
    else:
        dstate = tl.zeros((BK, BV), tl.float32)
    chunks = tl.cdiv(length, C)
    for back in range(chunks):
        n = chunks - 1 - back
        if STATES:
            entering = states + ((chunk + n) * HV + head) * K * V
        else:
            entering = states
        dstate = chunk_back(
            dstate, do, q, k, v, beta, decay, gates, scores, inverse, corrected, entering, dq, dk, dv, dbeta, ddecay,
            start + n * C, tl.minimum(length - n * C, C), head, scale,
            H, HV, K, V, BK, BV, C, LEVELS, DELTA, DECAY, STATES, TYPE,
        )  # fmt: skip
    if DINITIAL:
        tl.store(dinitial + tile, dstate, mask=tile_inside)
