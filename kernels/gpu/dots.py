"""Matrix products of tiles: one place that says in which type they are taken and with what precision."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.launch import INTERPRETING

INTERPRETED = tl.constexpr(INTERPRETING)


@triton.jit
def rounded(x, dtype: tl.constexpr):
    """x in ``dtype``, rounded to nearest. Triton's interpreter cuts bfloat16 off instead, so there bits round first."""
    if INTERPRETED and dtype == tl.bfloat16 and x.dtype == tl.float32:
        bits = x.to(tl.uint32, bitcast=True)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        x = bits.to(tl.float32, bitcast=True)
    return x.to(dtype)


@triton.jit
def dot(a, b, dtype: tl.constexpr):
    """a @ b in float32, both rounded to ``dtype`` first.

    float32 operands are split for the tensor cores into three TensorFloat-32 products ("tf32x3"), which keeps about 21
    bits: plain TensorFloat-32 would lose half the digits, and exact products ("ieee") would leave the tensor cores.
    Callers never transpose a product to use it as ``a``: Triton 3.4 to 3.7 compiles that wrongly for Hopper.
    """
    a = rounded(a, dtype)
    b = rounded(b, dtype)
    if INTERPRETED and dtype == tl.bfloat16:  # the interpreter multiplies the bit patterns of bfloat16
        a = a.to(tl.float32)
        b = b.to(tl.float32)
    return tl.dot(a, b, input_precision="tf32x3")  # half types ignore it
