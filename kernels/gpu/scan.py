"""The elementwise recurrence h_t = a_t h_{t-1} + b_t on a GPU: one launch each way, every tensor read or written once.

One program takes one sequence and 32 channels, and walks over tiles of 64 steps. A tile is scanned by the associative
combination of (factor, sum) pairs (Blelloch 1990, "Prefix Sums and Their Applications", section 1.4): six dependent
combinations for 64 steps, while the next tiles are being loaded. A plain loop over T would wait for memory at each
step, and three launches (scan tiles, join, apply) would read a and b twice; with two operations an element, bytes are
what counts. Few channels with a long T (batch * D below some 4,000) leave a part of a large GPU idle.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.gpu.launch import INTERPRETING, launch, readable

STEPS, CHANNELS = (16, 8) if INTERPRETING else (64, 32)
"""The tile. The interpreter scans one element after another, filling included, so it gets small ones."""


def forward(a: Tensor, b: Tensor, initial_state: Tensor | None, cu_seqlens: Tensor | None = None) -> Tensor:
    """h_t = a_t * h_{t-1} + b_t for a, b [B, T, D] with 0 <= a <= 1, contiguous; returns h [B, T, D] in b's type.

    initial_state [B, D] or None for zeros. With cu_seqlens, int64 [S + 1] from 0 to T on the same device, B = 1, the S
    sequences lie one after another along T, and initial_state is [S, D].
    """
    wide_a, wide_b = readable(a), readable(b)
    h = torch.empty_like(wide_b)
    state = None if initial_state is None else readable(initial_state)
    launch(
        scan_forward, _programs(a, cu_seqlens), wide_a, wide_b, state, h, cu_seqlens, a.shape[1], a.shape[2],
        HAS_STATE=state is not None, PACKED=cu_seqlens is not None, BLOCK_T=STEPS, BLOCK_D=CHANNELS, num_warps=4,
    )  # fmt: skip
    return h.to(b.dtype)


def backward(
    dh: Tensor, a: Tensor, initial_state: Tensor | None, h: Tensor, cu_seqlens: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients (da, db, dinitial_state) from dh [B, T, D] and ``forward``'s h; each in the type of its argument.

    g_t = dh_t + a_{t+1} g_{t+1} is the same scan, backward in time; db = g, da_t = g_t h_{t-1}.
    """
    wide_dh, wide_a, wide_h = readable(dh), readable(a), readable(h)
    da, db = torch.empty_like(wide_a), torch.empty_like(wide_h)
    state = None if initial_state is None else readable(initial_state)
    dstate = None if state is None else torch.empty_like(state)
    launch(
        scan_backward, _programs(a, cu_seqlens), wide_dh, wide_a, state, wide_h, da, db, dstate, cu_seqlens,
        a.shape[1], a.shape[2],
        HAS_STATE=state is not None, PACKED=cu_seqlens is not None, BLOCK_T=STEPS, BLOCK_D=CHANNELS, num_warps=4,
    )  # fmt: skip
    if dstate is not None and initial_state is not None:
        dstate = dstate.to(initial_state.dtype)
    return da.to(a.dtype), db.to(h.dtype), dstate


def _programs(a: Tensor, cu_seqlens: Tensor | None) -> int:
    sequences: int = a.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
    tiles: int = triton.cdiv(a.shape[2], CHANNELS)
    return sequences * tiles


@triton.jit
def _then(kept: tl.tensor, h: tl.tensor, next_kept: tl.tensor, next_h: tl.tensor) -> tuple[tl.tensor, tl.tensor]:
    """Steps that turn a state s into kept * s + h, followed by others."""
    return kept * next_kept, next_kept * h + next_h


@triton.jit
def _place(
    cu_seqlens: tl.tensor, length: tl.tensor, width: tl.tensor, PACKED: tl.constexpr, BLOCK_D: tl.constexpr
) -> tuple[tl.tensor, tl.tensor, tl.tensor, tl.tensor]:
    """A program's sequence: its number [int64], first row [int64] among the steps of all, and steps [int32]; its
    channels [1, BLOCK_D]."""
    tiles = tl.cdiv(width, BLOCK_D)
    sequence = (tl.program_id(0) // tiles).to(tl.int64)
    column = tl.program_id(0) % tiles * BLOCK_D + tl.arange(0, BLOCK_D)[None, :]
    if PACKED:
        start = tl.load(cu_seqlens + sequence)
        return sequence, start, (tl.load(cu_seqlens + sequence + 1) - start).to(tl.int32), column
    return sequence, sequence * length, length, column


@triton.jit(do_not_specialize=["length"])
def scan_forward(
    a: tl.tensor, b: tl.tensor, initial_state: tl.tensor, h: tl.tensor, cu_seqlens: tl.tensor,
    length: tl.tensor, width: tl.tensor,
    HAS_STATE: tl.constexpr, PACKED: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    sequence, start, steps, column = _place(cu_seqlens, length, width, PACKED, BLOCK_D)
    row = tl.arange(0, BLOCK_T)[:, None]
    inside = column < width
    within = row * width + column
    state = tl.zeros([1, BLOCK_D], tl.float32)
    if HAS_STATE:
        state += tl.load(initial_state + sequence * width + column, mask=inside, other=0.0)
    for first in tl.range(0, steps, BLOCK_T, num_stages=3):
        base = (start + first) * width
        valid = (first + row < steps) & inside
        a_tile = tl.load(a + base + within, mask=valid, other=1.0).to(tl.float32)
        b_tile = tl.load(b + base + within, mask=valid, other=0.0).to(tl.float32)
        kept, h_tile = tl.associative_scan((a_tile, b_tile), 0, _then)
        h_tile += kept * state
        tl.store(h + base + within, h_tile, mask=valid)
        state = tl.sum(tl.where(row == BLOCK_T - 1, h_tile, 0.0), axis=0, keep_dims=True)


@triton.jit(do_not_specialize=["length"])
def scan_backward(
    dh: tl.tensor, a: tl.tensor, initial_state: tl.tensor, h: tl.tensor,
    da: tl.tensor, db: tl.tensor, dinitial_state: tl.tensor, cu_seqlens: tl.tensor,
    length: tl.tensor, width: tl.tensor,
    HAS_STATE: tl.constexpr, PACKED: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    sequence, start, steps, column = _place(cu_seqlens, length, width, PACKED, BLOCK_D)
    row = tl.arange(0, BLOCK_T)[:, None]
    inside = column < width
    within = column - row * width  # a tile's rows go back in time
    at_state = sequence * width + column
    state = tl.zeros([1, BLOCK_D], tl.float32)
    if HAS_STATE:
        state += tl.load(initial_state + at_state, mask=inside, other=0.0)
    g_later = tl.zeros([1, BLOCK_D], tl.float32)
    for done in tl.range(0, steps, BLOCK_T, num_stages=3):
        base = (start + steps - 1 - done) * width
        step = steps - 1 - done - row
        valid = (step >= 0) & inside
        # Beyond either end of the sequence the factor is 1: nothing comes from the far end, and behind the near end
        # the gradient of the first step stays as it is.
        a_later = tl.load(a + base + width + within, mask=valid & (step < steps - 1), other=1.0).to(tl.float32)
        dh_tile = tl.load(dh + base + within, mask=valid, other=0.0).to(tl.float32)
        h_before = tl.load(h + base - width + within, mask=valid & (step > 0), other=0.0).to(tl.float32)
        if HAS_STATE:
            h_before = tl.where(step == 0, state, h_before)
        kept, g = tl.associative_scan((a_later, dh_tile), 0, _then)
        g += kept * g_later
        tl.store(db + base + within, g, mask=valid)
        tl.store(da + base + within, g * h_before, mask=valid)
        g_later = tl.sum(tl.where(row == BLOCK_T - 1, g, 0.0), axis=0, keep_dims=True)
    if HAS_STATE:
        not_empty = tl.zeros_like(column) < steps  # a sequence without steps has no first factor to read
        a_first = tl.load(a + start * width + column, mask=inside & not_empty, other=0.0).to(tl.float32)
        tl.store(dinitial_state + at_state, a_first * g_later, mask=inside)
