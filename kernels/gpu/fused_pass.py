"""All gradients in one launch: a program a sequence and value head walks over its chunks from the last to the first.

In each chunk it takes the gradient in the state through (``reverse_pass``), then all others (``gradients``). Only the
states that enter chunks are read from before; what a chunk's two halves hand each other, the corrected values among it,
lies in room of the program's own, which every chunk overwrites: it stays in the GPU's cache.

The loops here, and with FUSED that of ``gradients``, forbid the compiler to compute what does not change in them
beforehand (disable_licm): that would be some two hundred addresses in shared memory, in the registers that the products
need. The parts of a chunk's work lie in loops of one turn, so that none is begun while another is under way.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.gates import CHANNEL, HEAD, head_gates
from kernels.gpu.gradients import chunk_gradients
from kernels.gpu.reverse_pass import chunk_back
from kernels.gpu.state_pass import corrected_values


@triton.jit
def chunk_correct(
    k, v, beta, decay, gates, inverse, states, before, corrected, start, steps, head, room, w,
    H: tl.constexpr, HV: tl.constexpr, ROOMS: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr,
    C: tl.constexpr, DECAY: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """A chunk's corrected values again, channels ``w``, as forward had them: to row ``room`` of [.., ROOMS, V].

    ``states`` + ``before`` points to the state before the chunk [K, V].
    """
    t = tl.arange(0, C)
    c = tl.arange(0, BK)
    row = start * HV + head
    inside = (t < steps)[:, None]
    keys_inside = inside & (c < K)[None, :]
    values_inside = inside & (w < V)[None, :]
    keys = (start * H + head // (HV // H)) * K + t[:, None] * (H * K) + c[None, :]
    key = tl.load(k + keys, mask=keys_inside, other=0.0)
    tile = c[:, None] * V + w[None, :]
    state = tl.load(states + before + tile, mask=(c < K)[:, None] & (w < V)[None, :], other=0.0)
    g = 0.0
    if DECAY == HEAD:
        g, _, _ = head_gates(decay + row, t, steps, HV)
    if DECAY == CHANNEL:
        g = tl.load(gates + row * K + t[:, None] * (HV * K) + c[None, :], mask=keys_inside, other=0.0)
    value = tl.load(v + row * V + t[:, None] * (HV * V) + w[None, :], mask=values_inside, other=0.0)
    pairs = t[:, None] * (HV * C) + t[None, :]
    u = corrected_values(value, key, state, g, beta + row, inverse + row * C, t, steps, pairs, inside, HV, DECAY, TYPE)
    tl.store(corrected + room * V + t[:, None] * (ROOMS * V) + w[None, :], u, mask=values_inside)


@triton.jit
def copy_state(
    source, source_place, target, target_place,
    K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr, FILLED: tl.constexpr,
):  # fmt: skip
    """A state [K, V] in float32 from one place to another; zeros, if not FILLED."""
    c = tl.arange(0, BK)
    for left in tl.range(0, V, BV, num_stages=1, disable_licm=True):
        w = left + tl.arange(0, BV)
        tile = c[:, None] * V + w[None, :]
        inside = (c < K)[:, None] & (w < V)[None, :]
        if FILLED:
            state = tl.load(source + source_place + tile, mask=inside, other=0.0)
        else:
            state = tl.zeros((BK, BV), tl.float32)
        tl.store(target + target_place + tile, state, mask=inside)


@triton.jit
def fused_chunk(
    do, q, k, v, beta, decay, gates, scores, inverse, corrected, states, before, dafter, after_place, dbefore,
    before_place, dqk, dkk, dq, dk, dv, r, dbeta, ddecay, start, steps, head, room, scale,
    H: tl.constexpr, HV: tl.constexpr, ROOMS: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr,
    BV: tl.constexpr, WHOLE_V: tl.constexpr, GRAD_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr,
    DELTA: tl.constexpr, DECAY: tl.constexpr, CORRECT: tl.constexpr, BEFORE: tl.constexpr, AFTER: tl.constexpr,
    PASS_ON: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """All gradients of one chunk of one value head.

    ``states`` + ``before`` points to the state before it (zeros without BEFORE), ``dafter`` + ``after_place`` to the
    gradient in the state after it (zeros without AFTER), ``dbefore`` + ``before_place`` to where that in the state
    before it goes (PASS_ON). CORRECT: the corrected values are not there yet.
    """
    c = tl.arange(0, BK)
    once = tl.minimum(steps, 1)  # the compiler cannot know that it is 1
    for left in tl.range(0, V, BV, num_stages=1, disable_licm=True):
        w = left + tl.arange(0, BV)
        tile = c[:, None] * V + w[None, :]
        tile_inside = (c < K)[:, None] & (w < V)[None, :]
        if CORRECT:
            for _ in tl.range(once, num_stages=1, disable_licm=True):
                chunk_correct(
                    k, v, beta, decay, gates, inverse, states, before, corrected, start, steps, head, room, w,
                    H, HV, ROOMS, K, V, BK, C, DECAY, TYPE,
                )  # fmt: skip
        if AFTER:
            dstate = tl.load(dafter + after_place + tile, mask=tile_inside, other=0.0)
        else:
            dstate = tl.zeros((BK, BV), tl.float32)
        for _ in tl.range(once, disable_licm=True):
            dstate = chunk_back(
                dstate, do, q, k, beta, decay, gates, scores, inverse, dv, r, start, steps, head, room, scale, w,
                H, HV, ROOMS, K, V, BK, C, DELTA, DECAY, TYPE,
            )  # fmt: skip
        if PASS_ON:
            tl.store(dbefore + before_place + tile, dstate, mask=tile_inside)
    tl.debug_barrier()  # other threads of this program wrote what is read next
    if once > 0:
        chunk_gradients(
            do, q, k, v, beta, decay, gates, corrected, r, states, before, dafter, after_place, dqk, dkk, dq, dk, dbeta,
            ddecay, start, steps, head, room, scale, H, HV, ROOMS, K, V, WHOLE_V, GRAD_K, C, LEVELS, DELTA, DECAY,
            BEFORE, AFTER, True, TYPE,
        )  # fmt: skip


@triton.jit(do_not_specialize=["T"])
def fused_pass_kernel(
    do, dfinal, q, k, v, beta, decay, gates, scores, inverse, corrected, states, dstates, dqk, dkk, dq, dk, dv, r,
    dbeta, ddecay, dinitial, cu_seqlens, first_chunks, T, scale,
    H: tl.constexpr, HV: tl.constexpr, K: tl.constexpr, V: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    WHOLE_V: tl.constexpr, GRAD_K: tl.constexpr, C: tl.constexpr, LEVELS: tl.constexpr, DELTA: tl.constexpr,
    DECAY: tl.constexpr, PACKED: tl.constexpr, INITIAL: tl.constexpr, DFINAL: tl.constexpr, ONE_CHUNK: tl.constexpr,
    TYPE: tl.constexpr,
):  # fmt: skip
    """A program a sequence (axis 0) and value head (axis 1), which takes the values' channels BV at a time.

    ``states`` [chunks, HV, K, V] enter each chunk; corrected, r [programs, C, V], dqk, dkk [programs, C, C] and
    dstates [programs, 2, K, V] float32 are room, the gradient in the state in two places by turns. ONE_CHUNK is for
    sequences of one chunk: ``states`` is the initial state, corrected [B, T, HV, V] is given, r, dqk and dkk are of
    the whole batch likewise, and dstates is not needed.
    """
    sequence = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    if PACKED:
        start = tl.load(cu_seqlens + sequence)
        length = (tl.load(cu_seqlens + sequence + 1) - start).to(tl.int32)
    else:
        start = sequence * T
        length = T
    program = sequence * HV + head
    ends = program * (K * V)
    if ONE_CHUNK:
        if length > 0:
            fused_chunk(
                do, q, k, v, beta, decay, gates, scores, inverse, corrected, states, ends, dfinal, ends, dinitial,
                ends, dqk, dkk, dq, dk, dv, r, dbeta, ddecay, start, length, head, start * HV + head, scale,
                H, HV, HV, K, V, BK, BV, WHOLE_V, GRAD_K, C, LEVELS, DELTA, DECAY, False, INITIAL, DFINAL, INITIAL,
                TYPE,
            )  # fmt: skip
        elif INITIAL:
            copy_state(dfinal, ends, dinitial, ends, K, V, BK, BV, DFINAL)
    else:
        chunk = tl.load(first_chunks + sequence) if PACKED else sequence * tl.cdiv(T, C)
        chunks = tl.cdiv(length, C)
        copy_state(dfinal, ends, dstates, 2 * ends, K, V, BK, BV, DFINAL)
        for back in tl.range(chunks, num_stages=1, disable_licm=True):
            tl.debug_barrier()  # this chunk reads what other threads wrote, and overwrites what they read
            n = chunks - 1 - back
            before = ((chunk + n) * HV + head) * (K * V)
            after_place = 2 * ends + back % 2 * (K * V)
            before_place = 2 * ends + (back + 1) % 2 * (K * V)
            fused_chunk(
                do, q, k, v, beta, decay, gates, scores, inverse, corrected, states, before, dstates, after_place,
                dstates, before_place, dqk, dkk, dq, dk, dv, r, dbeta, ddecay, start + n * C,
                tl.minimum(length - n * C, C), head, program * C, scale, H, HV, 1, K, V, BK, BV, WHOLE_V, GRAD_K, C,
                LEVELS, DELTA, DECAY, DELTA, True, True, True, TYPE,
            )  # fmt: skip
        if INITIAL:
            tl.debug_barrier()
            copy_state(dstates, 2 * ends + chunks % 2 * (K * V), dinitial, ends, K, V, BK, BV, True)
