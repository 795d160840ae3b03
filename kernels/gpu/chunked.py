"""chunk_linear and chunk_delta in Triton: which kernels run, on which grids, and what is kept for backward.

Forward takes two launches: what the pairs of steps inside each chunk give, all chunks at once (``pairs``; chunk_linear
without decays per channel needs none), then states and outputs (``state_pass``). Backward takes two where there are
heads enough to fill a GPU: the states again (``state_pass``), then all gradients, chunk after chunk (``fused_pass``).
With few heads (``tiles.fuses``) it takes three: the states and corrected values again, the gradient in each state
(``reverse_pass``), then all other gradients, all chunks at once (``gradients``). Sequences of one chunk take one launch
each way. Nothing here waits for the device, and all shapes follow from the arguments' shapes, so CUDA graphs work.

Everywhere q, k [B, T, H, K]; v [B, T, HV, V]; beta [B, T, HV] or None (no delta term); decay None, [B, T, HV] or
[B, T, HV, K]; initial_state [B or S, HV, K, V] float32 or None; cu_seqlens [S + 1] int64 or None: with it B is 1 and
the S sequences lie one after another along T. All are contiguous; K and V are 128 at most.
"""

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.cpu.chunks import most_chunks
from kernels.gpu import tiles
from kernels.gpu.fused_pass import fused_pass_kernel
from kernels.gpu.gates import CHANNEL
from kernels.gpu.gradients import gradients_kernel
from kernels.gpu.launch import launch
from kernels.gpu.packing import Chunks, chunks_of
from kernels.gpu.pairs import pairs_kernel
from kernels.gpu.reverse_pass import reverse_pass_kernel
from kernels.gpu.state_pass import state_pass_kernel

TYPES = {torch.float32: tl.float32, torch.bfloat16: tl.bfloat16, torch.float16: tl.float16}


class Kept(NamedTuple):
    """What forward keeps for backward; None where this form of the op has none."""

    gates: Tensor | None
    """G [B, T, HV, K] float32, the sum of log decays from the chunk's start: decays per channel."""
    scores: Tensor | None
    """Decayed products of queries with the chunk's keys [B, T, HV, C]: delta, and decays per channel."""
    inverse: Tensor | None
    """Rows of (I + Diag(b) A)^-1 [B, T, HV, C]: delta."""
    corrected: Tensor | None
    """Corrected values [B, T, HV, V]: delta, in sequences of one chunk (longer ones are recomputed)."""

    def present(self) -> list[Tensor]:
        return [x for x in self if x is not None]


class Plan(NamedTuple):
    """What the arguments' shapes and types decide."""

    sequences: int
    chunks: int
    """The most chunks that all sequences together can have."""
    one_chunk: bool
    """No sequence can be longer than a chunk."""
    type: torch.dtype
    constants: dict[str, Any]
    """Constants that all kernels share."""


def forward(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float,
    initial_state: Tensor | None, cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    """o [B, T, HV, V] in v's type, the final state [B or S, HV, K, V] in float32, and what ``backward`` needs."""
    plan = _plan(q, k, v, beta, decay, cu_seqlens)
    kept = _keep(plan, q, v, beta, decay)
    o = torch.empty_like(v)
    final = v.new_empty(plan.sequences, v.shape[2], q.shape[3], v.shape[3], dtype=torch.float32)
    pairs = kept.scores is not None
    chunks = _tables(plan, q, cu_seqlens)
    if pairs and not plan.one_chunk:
        launch(
            pairs_kernel, (plan.chunks, v.shape[2]), q, k, beta, decay, kept.gates, kept.scores, kept.inverse,
            chunks.starts, chunks.stops, q.shape[1], **_without(plan.constants, "V"), **tiles.pairs(plan.constants),
        )  # fmt: skip
    _state_pass(plan, q, k, v, beta, decay, scale, initial_state, cu_seqlens, chunks, kept, o=o, final=final)
    return o, final, kept.present()


def backward(
    do: Tensor, dfinal_state: Tensor | None, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None,
    decay: Tensor | None, scale: float, initial_state: Tensor | None, cu_seqlens: Tensor | None, saved: list[Tensor],
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:  # fmt: skip
    """Gradients in q, k, v, beta, decay and initial_state, each in its input's type, None for an input that is None.

    do [B, T, HV, V] in any type; dfinal_state [B or S, HV, K, V] float32, None for zeros. Where a decay is clamped
    (``kernels.cpu.decay.FLOOR``) its gradient is 0.
    """
    plan = _plan(q, k, v, beta, decay, cu_seqlens)
    kept = _unpack(plan, saved)
    do = do.contiguous()
    (batch, length, heads, width), (value_heads, value_width), size = q.shape, v.shape[2:], plan.constants["C"]
    # Value heads that share a key head each give a part of its gradient; parts are added in float32.
    parts = torch.float32 if value_heads != heads else None
    dq = q.new_empty(batch, length, value_heads, width, dtype=parts)
    dk = k.new_empty(batch, length, value_heads, width, dtype=parts)
    dv = torch.empty_like(v)
    dbeta, ddecay, dinitial = (None if x is None else torch.empty_like(x) for x in (beta, decay, initial_state))
    fused = plan.one_chunk or tiles.fuses(plan.sequences * value_heads)
    # Between the parts of the work: room a program that takes its chunks in turn, else a row a step and value head.
    rows = (plan.sequences * value_heads, size) if fused and not plan.one_chunk else v.shape[:3]
    dqk = v.new_empty(*rows, size, dtype=plan.type)
    dkk = None if beta is None else torch.empty_like(dqk)
    r = None if beta is None else v.new_empty(*rows, value_width, dtype=plan.type)
    corrected, states, dstates = kept.corrected, initial_state, None
    chunks = _tables(plan, q, cu_seqlens)
    if not plan.one_chunk:
        corrected = None if r is None else torch.empty_like(r)
        states = q.new_empty(plan.chunks, value_heads, width, value_width, dtype=plan.type)
        again = kept if fused else kept._replace(corrected=corrected)
        _state_pass(plan, q, k, v, beta, decay, scale, initial_state, cu_seqlens, chunks, again, states=states)
    ends = {"INITIAL": initial_state is not None, "DFINAL": dfinal_state is not None}
    if fused:
        if not plan.one_chunk:
            dstates = q.new_empty(plan.sequences, value_heads, 2, width, value_width, dtype=torch.float32)
        launch(
            fused_pass_kernel, (plan.sequences, value_heads),
            do, dfinal_state, q, k, v, beta, decay, kept.gates, kept.scores, kept.inverse, corrected, states, dstates,
            dqk, dkk, dq, dk, dv, r, dbeta, ddecay, dinitial, cu_seqlens, chunks.first, length, scale,
            **plan.constants, **ends, ONE_CHUNK=plan.one_chunk, **tiles.fused(plan.constants),
        )  # fmt: skip
    else:
        dstates = torch.empty_like(states)
        tile = tiles.passes(plan.constants, plan.sequences * value_heads)
        launch(
            reverse_pass_kernel, (plan.sequences, value_heads, triton.cdiv(value_width, tile["BV"])),
            do, dfinal_state, q, k, beta, decay, kept.gates, kept.scores, kept.inverse, dstates, dv, r, dinitial,
            cu_seqlens, chunks.first, length, scale, **_without(plan.constants, "LEVELS"), **ends, **tile,
        )  # fmt: skip
        launch(
            gradients_kernel, (plan.chunks, value_heads),
            do, q, k, v, beta, decay, kept.gates, corrected, r, states, dstates, dqk, dkk, dq, dk,
            dbeta, ddecay, chunks.starts, chunks.stops, length, scale,
            **plan.constants, **tiles.gradients(plan.constants),
        )  # fmt: skip
    if value_heads != heads:
        dq = dq.unflatten(2, (heads, -1)).sum(3).to(q.dtype)
        dk = dk.unflatten(2, (heads, -1)).sum(3).to(k.dtype)
    return dq, dk, dv, dbeta, ddecay, dinitial


def _state_pass(
    plan: Plan, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float,
    initial_state: Tensor | None, cu_seqlens: Tensor | None, chunks: Chunks, kept: Kept,
    o: Tensor | None = None, final: Tensor | None = None, states: Tensor | None = None,
) -> None:  # fmt: skip
    """Fill o and the final state, or the states before each chunk; and the corrected values, where there is room."""
    pairs = plan.one_chunk and kept.scores is not None
    tile = tiles.pairs(plan.constants)
    if pairs:
        tile |= tiles.one_chunk(plan.constants)
    else:
        tile |= tiles.passes(plan.constants, plan.sequences * v.shape[2])
    value_tiles = 1 if pairs else triton.cdiv(v.shape[3], tile["BV"])
    launch(
        state_pass_kernel, (plan.sequences, v.shape[2], value_tiles),
        q, k, v, beta, decay, kept.gates, kept.scores, kept.inverse, initial_state, o, kept.corrected, states, final,
        cu_seqlens, chunks.first, q.shape[1], scale, **plan.constants, INITIAL=initial_state is not None,
        PAIRS=pairs, OUTPUT=o is not None, CORRECTED=kept.corrected is not None, STATES=states is not None, **tile,
    )  # fmt: skip


def saved_like(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> list[Tensor]:  # fmt: skip
    """Empty tensors of the shapes and types that ``forward`` returns last."""
    return _keep(_plan(q, k, v, beta, decay, cu_seqlens), q, v, beta, decay).present()


def _plan(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, cu_seqlens: Tensor | None
) -> Plan:
    batch, length, heads, width = q.shape
    dtype = tiles.product_type(q, k, v)
    size = tiles.chunk_size(dtype)
    if cu_seqlens is None:
        sequences, chunks = batch, batch * triton.cdiv(length, size)
    else:
        sequences = cu_seqlens.shape[0] - 1
        chunks = most_chunks(length, sequences, size)
    constants = {
        "H": heads, "HV": v.shape[2], "K": width, "V": v.shape[3], "C": size, "LEVELS": size.bit_length() - 1,
        "DELTA": beta is not None, "DECAY": tiles.decay_form(decay), "PACKED": cu_seqlens is not None,
        "TYPE": TYPES[dtype],
    }  # fmt: skip
    return Plan(sequences, chunks, length <= size, dtype, constants)


def _keep(plan: Plan, q: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None) -> Kept:
    pairs = (*v.shape[:3], plan.constants["C"])
    channel = plan.constants["DECAY"] == CHANNEL.value
    return Kept(
        v.new_empty(*v.shape[:3], q.shape[3], dtype=torch.float32) if channel else None,
        v.new_empty(pairs, dtype=plan.type) if channel or beta is not None else None,
        v.new_empty(pairs, dtype=plan.type) if beta is not None else None,
        torch.empty_like(v, dtype=plan.type) if beta is not None and plan.one_chunk else None,
    )


def _unpack(plan: Plan, saved: list[Tensor]) -> Kept:
    """The inverse of ``Kept.present``."""
    left = iter(saved)
    channel, delta = plan.constants["DECAY"] == CHANNEL.value, plan.constants["DELTA"]
    wanted = (channel, channel or delta, delta, delta and plan.one_chunk)
    return Kept(*(next(left) if there else None for there in wanted))


def _tables(plan: Plan, q: Tensor, cu_seqlens: Tensor | None) -> Chunks:
    if cu_seqlens is None or plan.one_chunk:
        return Chunks()
    return chunks_of(cu_seqlens, q.shape[1], plan.constants["C"])


def _without(constants: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in constants.items() if key != name}
