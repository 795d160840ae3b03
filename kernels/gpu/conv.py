"""The short causal convolution on a GPU, with its SiLU: one launch each way, no value before the activation is stored.

Rows are the steps of all sequences, end to end. A program takes a tile of rows and channels and reads it once for each
tap, shifted; all but the first of these reads hit the cache. The backward pass recomputes what it needs of the
forward: with SiLU, dx_t takes the sums before the activation at the W steps that x_t reached, and those take
x_{t-W+1} to x_{t+W-1}. At W = 4 that is sixteen multiply-adds, and cheaper than one more tensor through memory.
"""

from typing import Literal

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.gpu.launch import INTERPRETING, launch, readable

ROWS, CHANNELS = (16, 16) if INTERPRETING else (64, 32)
"""The tile: with eight warps, one vector of eight channels a thread, so that 2 W - 1 shifted tiles fit in registers."""


def forward(
    x: Tensor, weight: Tensor, activation: Literal["silu"] | None = "silu", cu_seqlens: Tensor | None = None
) -> Tensor:
    """y_t = activation(sum_j weight[:, W-1-j] * x_{t-j}) for x [B, T, D], weight [D, W], contiguous; y in x's type.

    Before the first step lie zeros. With cu_seqlens, int64 [S + 1] from 0 to T on the same device, B = 1, the S
    sequences lie one after another along T, and each has zeros before it.
    """
    wide_x, wide_weight = readable(x), readable(weight)
    y = torch.empty_like(wide_x)
    _launch(conv_forward, x, weight, activation, cu_seqlens, wide_x, wide_weight, y)
    return y.to(x.dtype)


def backward(
    dy: Tensor, x: Tensor, weight: Tensor, activation: Literal["silu"] | None = "silu", cu_seqlens: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Gradients (dx, dweight) from dy [B, T, D]; each in the type of its argument."""
    wide_dy, wide_x, wide_weight = readable(dy), readable(x), readable(weight)
    dx = torch.empty_like(wide_x)
    row_tiles = triton.cdiv(x.shape[0] * x.shape[1], ROWS)
    partial = torch.empty(row_tiles, *weight.shape, dtype=torch.float32, device=x.device)
    _launch(conv_backward, x, weight, activation, cu_seqlens, wide_dy, wide_x, wide_weight, dx, partial)
    return dx.to(x.dtype), partial.sum(0).to(weight.dtype)


def _launch(
    kernel: triton.JITFunction, x: Tensor, weight: Tensor, activation: str | None, cu_seqlens: Tensor | None,
    *tensors: Tensor,
) -> None:  # fmt: skip
    batch, length, width = x.shape
    sequences = 1 if cu_seqlens is None else cu_seqlens.shape[0] - 1
    launch(
        kernel, triton.cdiv(batch * length, ROWS) * triton.cdiv(width, CHANNELS), *tensors, cu_seqlens,
        batch * length, length, sequences.bit_length(), sequences, width,
        TAPS=weight.shape[1], SILU=activation == "silu", PACKED=cu_seqlens is not None,
        BLOCK_T=ROWS, BLOCK_D=CHANNELS, num_warps=8,
    )  # fmt: skip


@triton.jit
def _place(width: tl.tensor, BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr) -> tuple[tl.tensor, tl.tensor, tl.tensor]:
    """A program's tile of rows, the rows in it [BLOCK_T, 1], and its channels [1, BLOCK_D]."""
    tiles = tl.cdiv(width, BLOCK_D)
    column = tl.program_id(0) % tiles * BLOCK_D + tl.arange(0, BLOCK_D)[None, :]
    return tl.program_id(0) // tiles, tl.arange(0, BLOCK_T)[:, None], column


@triton.jit
def _around(
    row: tl.tensor, cu_seqlens: tl.tensor, length: tl.tensor, halvings: tl.tensor, sequences: tl.tensor,
    PACKED: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:  # fmt: skip
    """How many steps of the same sequence lie before and after each row."""
    if PACKED:
        # The last sequence that starts at or before the row: low stays at or before, high beyond.
        low = tl.zeros_like(row)
        high = low + sequences
        for _ in range(halvings):
            middle = (low + high) // 2
            started = tl.load(cu_seqlens + middle) <= row
            low = tl.where(started, middle, low)
            high = tl.where(started, high, middle)
        start = tl.load(cu_seqlens + low).to(tl.int32)
        end = tl.load(cu_seqlens + low + 1).to(tl.int32)
        return row - start, end - 1 - row
    return row % length, length - 1 - row % length


@triton.jit
def _tap(weight: tl.tensor, column: tl.tensor, inside: tl.tensor, j: tl.constexpr, TAPS: tl.constexpr) -> tl.tensor:
    """The weights of the step j before the present one."""
    return tl.load(weight + column * TAPS + (TAPS - 1 - j), mask=inside, other=0.0).to(tl.float32)


@triton.jit(do_not_specialize=["rows", "length", "halvings", "sequences"])
def conv_forward(
    x: tl.tensor, weight: tl.tensor, y: tl.tensor, cu_seqlens: tl.tensor,
    rows: tl.tensor, length: tl.tensor, halvings: tl.tensor, sequences: tl.tensor, width: tl.tensor,
    TAPS: tl.constexpr, SILU: tl.constexpr, PACKED: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    tile, row, column = _place(width, BLOCK_T, BLOCK_D)
    first = tile * BLOCK_T
    inside = column < width
    valid = (first + row < rows) & inside
    before, _ = _around(tl.minimum(first + row, rows - 1), cu_seqlens, length, halvings, sequences, PACKED)
    base = first.to(tl.int64) * width
    within = row * width + column
    z = tl.zeros([BLOCK_T, BLOCK_D], tl.float32)
    for j in tl.static_range(TAPS):
        earlier = tl.load(x + (base - j * width) + within, mask=valid & (before >= j), other=0.0).to(tl.float32)
        z += earlier * _tap(weight, column, inside, j, TAPS)
    if SILU:
        z *= tl.sigmoid(z)
    tl.store(y + base + within, z, mask=valid)


@triton.jit(do_not_specialize=["rows", "length", "halvings", "sequences"])
def conv_backward(
    dy: tl.tensor, x: tl.tensor, weight: tl.tensor, dx: tl.tensor, partial: tl.tensor, cu_seqlens: tl.tensor,
    rows: tl.tensor, length: tl.tensor, halvings: tl.tensor, sequences: tl.tensor, width: tl.tensor,
    TAPS: tl.constexpr, SILU: tl.constexpr, PACKED: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    tile, row, column = _place(width, BLOCK_T, BLOCK_D)
    first = tile * BLOCK_T
    inside = column < width
    valid = (first + row < rows) & inside
    before, after = _around(tl.minimum(first + row, rows - 1), cu_seqlens, length, halvings, sequences, PACKED)
    base = first.to(tl.int64) * width
    within = row * width + column
    dx_tile = tl.zeros([BLOCK_T, BLOCK_D], tl.float32)
    dz_now = tl.zeros([BLOCK_T, BLOCK_D], tl.float32)
    for j in tl.static_range(TAPS):
        # dz is the gradient in the sum before the activation, j steps later: zero beyond the sequence's end.
        dz = tl.load(dy + (base + j * width) + within, mask=valid & (after >= j), other=0.0).to(tl.float32)
        if SILU:
            z = tl.zeros([BLOCK_T, BLOCK_D], tl.float32)
            for i in tl.static_range(TAPS):
                # Mask and address depend on j - i alone, so the compiler keeps one load for each difference.
                there = valid & (after >= j - i) if i < j else valid & (before >= i - j)
                moved = tl.load(x + (base + (j - i) * width) + within, mask=there, other=0.0).to(tl.float32)
                z += moved * _tap(weight, column, inside, i, TAPS)
            sigmoid = tl.sigmoid(z)
            dz *= sigmoid * (1 + z * (1 - sigmoid))
        dx_tile += dz * _tap(weight, column, inside, j, TAPS)
        if j == 0:
            dz_now = dz
    tl.store(dx + base + within, dx_tile, mask=valid)
    at_partial = partial + tile.to(tl.int64) * width * TAPS
    for j in tl.static_range(TAPS):
        earlier = tl.load(x + (base - j * width) + within, mask=valid & (before >= j), other=0.0).to(tl.float32)
        dweight = tl.sum(dz_now * earlier, axis=0, keep_dims=True)
        tl.store(at_partial + column * TAPS + (TAPS - 1 - j), dweight, mask=inside)
