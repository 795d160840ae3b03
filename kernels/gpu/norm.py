"""RMS normalisation with its gate, and L2 normalisation, on a GPU: one launch each way, every row read once.

A program holds whole rows in registers: several short ones or a long one. The backward pass recomputes the normalised
row from x and the saved inverse. The gradient in the weight needs a sum over all rows: each program adds up its own
rows, and a last sum joins the programs, so the result is the same in every run.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.gpu.launch import launch, readable

TILE = 2048
"""Elements of short rows that a program holds at once; longer rows come one at a time."""
WARPS_IN_FLIGHT = 4096
"""Programs times warps of a backward pass: about 32 warps for each of a large GPU's processors."""


def rms_norm_gate_forward(x: Tensor, weight: Tensor, gate: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """(y, inverse_rms): y = x * inverse_rms * weight * silu(gate), inverse_rms = 1 / sqrt(mean(x^2) + eps).

    x [..., D], weight [D], gate like x or None, all contiguous. y [..., D] in x's type, inverse_rms [...] in float32.
    """
    wide_x = readable(x)
    y = torch.empty_like(wide_x)
    inverse = torch.empty(x.shape[:-1], dtype=torch.float32, device=x.device)
    rows, shape = _shape(x)
    launch(
        rms_norm_gate_forward_kernel, triton.cdiv(rows, shape["BLOCK_R"]), wide_x, readable(weight),
        None if gate is None else readable(gate), y, inverse, rows, x.shape[-1], eps,
        HAS_GATE=gate is not None, **shape,
    )  # fmt: skip
    return y.to(x.dtype), inverse


def rms_norm_gate_backward(
    dy: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None, inverse_rms: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients (dx, dweight, dgate or None) from dy [..., D]; each in the type of its argument."""
    wide_x, wide_gate = readable(x), None if gate is None else readable(gate)
    dx = torch.empty_like(wide_x)
    dgate = None if wide_gate is None else torch.empty_like(wide_gate)
    rows, shape = _shape(x)
    tiles = triton.cdiv(rows, shape["BLOCK_R"])
    programs = min(tiles, WARPS_IN_FLIGHT // shape["num_warps"])
    partial = torch.empty(programs, x.shape[-1], dtype=torch.float32, device=x.device)
    launch(
        rms_norm_gate_backward_kernel, programs, readable(dy), wide_x, readable(weight), wide_gate, inverse_rms,
        dx, dgate, partial, rows, x.shape[-1], HAS_GATE=gate is not None, **shape,
    )  # fmt: skip
    if gate is not None and dgate is not None:
        dgate = dgate.to(gate.dtype)
    return dx.to(x.dtype), partial.sum(0).to(weight.dtype), dgate


def l2_norm_forward(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """(y, inverse): y = x * inverse, inverse = 1 / sqrt(sum(x^2) + eps).

    x [..., D] contiguous; y [..., D] in x's type, inverse [...] in float32.
    """
    wide_x = readable(x)
    y = torch.empty_like(wide_x)
    inverse = torch.empty(x.shape[:-1], dtype=torch.float32, device=x.device)
    rows, shape = _shape(x)
    launch(
        l2_norm_forward_kernel, triton.cdiv(rows, shape["BLOCK_R"]), wide_x, y, inverse, rows, x.shape[-1], eps, **shape
    )
    return y.to(x.dtype), inverse


def l2_norm_backward(dy: Tensor, y: Tensor, inverse: Tensor) -> Tensor:
    """dx = (dy - y * sum(dy * y)) * inverse from dy [..., D] and ``l2_norm_forward``'s results, in dy's type."""
    wide_dy = readable(dy)
    dx = torch.empty_like(wide_dy)
    rows, shape = _shape(dy)
    launch(
        l2_norm_backward_kernel, triton.cdiv(rows, shape["BLOCK_R"]), wide_dy, readable(y), inverse, dx, rows,
        dy.shape[-1], **shape,
    )  # fmt: skip
    return dx.to(dy.dtype)


def _shape(x: Tensor) -> tuple[int, dict[str, int]]:
    """The number of rows, and how a program takes them."""
    width: int = triton.next_power_of_2(x.shape[-1])
    return x.numel() // x.shape[-1], tile_of(width)


def tile_of(width: int) -> dict[str, int]:
    """Rows and columns of a tile for rows of up to ``width``, a power of two, and the warps that share it."""
    return {"BLOCK_R": max(1, TILE // width), "BLOCK_D": width, "num_warps": min(32, max(4, width // 512))}


@triton.jit
def _place(
    tile: tl.tensor, rows: tl.tensor, width: tl.tensor, BLOCK_R: tl.constexpr, BLOCK_D: tl.constexpr
) -> tuple[tl.tensor, tl.tensor, tl.tensor, tl.tensor]:
    """A tile's rows [BLOCK_R, 1] and which of them exist; its elements' offsets and which of them exist."""
    row = tile * BLOCK_R + tl.arange(0, BLOCK_R)[:, None]
    column = tl.arange(0, BLOCK_D)[None, :]
    return row, row < rows, row.to(tl.int64) * width + column, (row < rows) & (column < width)


@triton.jit(do_not_specialize=["rows"])
def rms_norm_gate_forward_kernel(
    x: tl.tensor, weight: tl.tensor, gate: tl.tensor, y: tl.tensor, inverse_rms: tl.tensor,
    rows: tl.tensor, width: tl.tensor, eps: tl.tensor,
    HAS_GATE: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    row, present, at, valid = _place(tl.program_id(0), rows, width, BLOCK_R, BLOCK_D)
    column = tl.arange(0, BLOCK_D)[None, :]
    x_tile = tl.load(x + at, mask=valid, other=0.0).to(tl.float32)
    scale = tl.load(weight + column, mask=column < width, other=0.0).to(tl.float32)
    inverse = tl.rsqrt(tl.sum(x_tile * x_tile, axis=1, keep_dims=True) / width + eps)
    y_tile = x_tile * inverse * scale
    if HAS_GATE:
        gate_tile = tl.load(gate + at, mask=valid, other=0.0).to(tl.float32)
        y_tile *= gate_tile * tl.sigmoid(gate_tile)
    tl.store(y + at, y_tile, mask=valid)
    tl.store(inverse_rms + row, inverse, mask=present)


@triton.jit(do_not_specialize=["rows"])
def rms_norm_gate_backward_kernel(
    dy: tl.tensor, x: tl.tensor, weight: tl.tensor, gate: tl.tensor, inverse_rms: tl.tensor,
    dx: tl.tensor, dgate: tl.tensor, partial: tl.tensor, rows: tl.tensor, width: tl.tensor,
    HAS_GATE: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    column = tl.arange(0, BLOCK_D)[None, :]
    scale = tl.load(weight + column, mask=column < width, other=0.0).to(tl.float32)
    dweight = tl.zeros([BLOCK_R, BLOCK_D], tl.float32)
    for tile in range(tl.program_id(0), tl.cdiv(rows, BLOCK_R), tl.num_programs(0)):
        row, present, at, valid = _place(tile, rows, width, BLOCK_R, BLOCK_D)
        inverse = tl.load(inverse_rms + row, mask=present, other=0.0)
        normed = tl.load(x + at, mask=valid, other=0.0).to(tl.float32) * inverse
        dscaled = tl.load(dy + at, mask=valid, other=0.0).to(tl.float32)
        if HAS_GATE:
            gate_tile = tl.load(gate + at, mask=valid, other=0.0).to(tl.float32)
            sigmoid = tl.sigmoid(gate_tile)
            slope = sigmoid * (1 + gate_tile * (1 - sigmoid))
            tl.store(dgate + at, dscaled * normed * scale * slope, mask=valid)
            dscaled *= gate_tile * sigmoid
        dweight += dscaled * normed
        dnormed = dscaled * scale
        along = tl.sum(dnormed * normed, axis=1, keep_dims=True) / width
        tl.store(dx + at, (dnormed - normed * along) * inverse, mask=valid)
    at_partial = tl.program_id(0).to(tl.int64) * width + column
    tl.store(partial + at_partial, tl.sum(dweight, axis=0, keep_dims=True), mask=column < width)


@triton.jit(do_not_specialize=["rows"])
def l2_norm_forward_kernel(
    x: tl.tensor, y: tl.tensor, inverse: tl.tensor, rows: tl.tensor, width: tl.tensor, eps: tl.tensor,
    BLOCK_R: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    row, present, at, valid = _place(tl.program_id(0), rows, width, BLOCK_R, BLOCK_D)
    x_tile = tl.load(x + at, mask=valid, other=0.0).to(tl.float32)
    inverse_tile = tl.rsqrt(tl.sum(x_tile * x_tile, axis=1, keep_dims=True) + eps)
    tl.store(y + at, x_tile * inverse_tile, mask=valid)
    tl.store(inverse + row, inverse_tile, mask=present)


@triton.jit(do_not_specialize=["rows"])
def l2_norm_backward_kernel(
    dy: tl.tensor, y: tl.tensor, inverse: tl.tensor, dx: tl.tensor, rows: tl.tensor, width: tl.tensor,
    BLOCK_R: tl.constexpr, BLOCK_D: tl.constexpr,
) -> None:  # fmt: skip
    row, present, at, valid = _place(tl.program_id(0), rows, width, BLOCK_R, BLOCK_D)
    dy_tile = tl.load(dy + at, mask=valid, other=0.0).to(tl.float32)
    y_tile = tl.load(y + at, mask=valid, other=0.0).to(tl.float32)
    inverse_tile = tl.load(inverse + row, mask=present, other=0.0)
    along = tl.sum(dy_tile * y_tile, axis=1, keep_dims=True)
    tl.store(dx + at, (dy_tile - y_tile * along) * inverse_tile, mask=valid)
