"""Matrix products of tiles: one place that says in which type they are taken and with what precision."""

import os

import triton
import triton.language as tl

INTERPRETED = tl.constexpr(os.environ.get("TRITON_INTERPRET") == "1")


@triton.jit
def rounded(x, TYPE: tl.constexpr):
    """x in TYPE, rounded to nearest. Triton's interpreter cuts bfloat16 off instead, so there bits round first."""
    if INTERPRETED and TYPE == tl.bfloat16 and x.dtype == tl.float32:
        bits = x.to(tl.uint32, bitcast=True)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        x = bits.to(tl.float32, bitcast=True)
    return x.to(TYPE)


@triton.jit
def dot(a, b, TYPE: tl.constexpr):
    """a @ b in float32, both rounded to TYPE first.

    float32 operands are split for the tensor cores into three TensorFloat-32 products ("tf32x3"), which keeps about 21
    bits: plain TensorFloat-32 would lose half the digits, and exact products ("ieee") would leave the tensor cores.
    Callers never transpose the result of a product to use it as ``a``: Triton 3.4 to 3.7 compiles that wrongly for Hopper.
    """
    a = rounded(a, TYPE)
    b = rounded(b, TYPE)
    if INTERPRETED and TYPE == tl.bfloat16:  # the interpreter multiplies the bit patterns of bfloat16
        a = a.to(tl.float32)
        b = b.to(tl.float32)
    if TYPE == tl.float32:
        c = tl.dot(a, b, input_precision="tf32x3")
    else:
        c = tl.dot(a, b)
    return c
