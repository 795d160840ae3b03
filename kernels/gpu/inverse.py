"""The inverse of a unit lower triangular matrix inside one program."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import triton
import triton.language as tl

from kernels.gpu.dots import dot


@triton.jit
def unit_lower_inverse(m, C: tl.constexpr):
    """(I + m)^-1 for m [C, C] float32, zero on and above the diagonal; C is 16, 32 or 64.

    Forward substitution inside the 16 x 16 blocks on the diagonal, all at once, then neighbouring blocks merge:
    [[P, 0], [L, Q]]^-1 = [[P^-1, 0], [-Q^-1 L P^-1, Q^-1]]. A power series over the whole matrix would be shorter, but
    its terms grow beyond any precision on correlated keys.
    """
    BLOCKS: tl.constexpr = C // 16
    t = tl.arange(0, C)[:, None]
    s = tl.arange(0, C)[None, :]
    one_block = t // 16 == s // 16
    x = -tl.sum(tl.reshape(tl.where(one_block, m, 0.0), (BLOCKS, 16, BLOCKS, 16)), axis=2)  # [BLOCKS, 16, 16]
    i = tl.arange(0, 16)
    for row in range(1, 16):  # x holds inverse - I above this row, and -m from it on
        here = i[None, :, None] == row
        own = tl.sum(tl.where(here, x, 0.0), axis=1)
        own += tl.sum(own[:, :, None] * x, axis=1)
        x = tl.where(here, own[:, None, :], x)
    x += tl.where(i[None, :, None] == i[None, None, :], 1.0, 0.0)
    x = tl.broadcast_to(x[:, :, None, :], (BLOCKS, 16, BLOCKS, 16))
    inverse = tl.where(one_block, tl.reshape(x, (C, C)), 0.0)
    if C >= 32:
        inverse = _merge(inverse, m, t, s, 32)
    if C >= 64:
        inverse = _merge(inverse, m, t, s, 64)
    return inverse


@triton.jit
def _merge(inverse, m, t, s, SIZE: tl.constexpr):
    """From the inverse of the diagonal blocks of half this size to that of the blocks of this size."""
    below = (t // SIZE == s // SIZE) & (t // (SIZE // 2) != s // (SIZE // 2))
    return inverse - dot(dot(inverse, tl.where(below, m, 0.0), tl.float32), inverse, tl.float32)
