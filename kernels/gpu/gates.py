"""Log decays inside a chunk, in a program's registers: clamped, summed, and turned into factors that never exceed 1.

As in ``kernels.cpu.decay``, G is the sum of the clamped log decays from the chunk's first step up to and including a
step, and steps s <= t keep exp(G_t - G_s). With one decay per head that is a matrix of its own. With one per channel it
is split between the two operands of a product: pairs in different halves of a block of 2, 4, 8, ... steps meet at the
end of its first half, so that both factors are at most 1 and no step beyond the pair takes part. These levels hold each
pair s < t once; a step with itself needs no factor.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import torch
import triton
import triton.language as tl

from kernels.cpu.decay import FLOOR as FLOORS

NONE = tl.constexpr(0)  # nothing decays
HEAD = tl.constexpr(1)  # decay [B, T, HV]
CHANNEL = tl.constexpr(2)  # decay [B, T, HV, K]
FLOOR = tl.constexpr(FLOORS[torch.float32])


@triton.jit
def clamped(decay):
    """A log decay as the ops count it, in float32."""
    return tl.minimum(tl.maximum(decay.to(tl.float32), FLOOR), 0.0)


@triton.jit
def passes_clamp(decay):
    """Where the clamp hands its gradient on; elsewhere the gradient is 0."""
    decay = decay.to(tl.float32)
    return (decay >= FLOOR) & (decay <= 0.0)


@triton.jit
def head_gates(decay, t, steps, HV: tl.constexpr):
    """(G [C], what remains of it after each step, G at the chunk's end); ``decay`` points to the chunk's first.

    The remainder is summed by itself: as a difference of two large sums it would lose digits where decay is strong.
    """
    a = clamped(tl.load(decay + t * HV, mask=t < steps, other=0.0))
    after = clamped(tl.load(decay + (t + 1) * HV, mask=t + 1 < steps, other=0.0))
    return tl.cumsum(a, axis=0), tl.cumsum(after, axis=0, reverse=True), tl.sum(a, axis=0)


@triton.jit
def pair_factors(g, t):
    """exp(G_t - G_s) [C, C] for s <= t, else 0, from G [C]. Masked before the exponential: none above 1 is formed."""
    return tl.exp(tl.where(t[:, None] >= t[None, :], g[:, None] - g[None, :], float("-inf")))


@triton.jit
def later_factors(g, t):
    """The transpose of ``pair_factors``: exp(G_t - G_s) at [s, t]."""
    return tl.exp(tl.where(t[:, None] <= t[None, :], g[None, :] - g[:, None], float("-inf")))


@triton.jit
def level_factors(gates, g, t, c, half, steps, HV: tl.constexpr, K: tl.constexpr):
    """exp(-|G - G at the end of the block's first half|) [C, BK] for blocks of 2 * half steps.

    The factor of a step as a row where it lies in the second half, as a column where it lies in the first. ``gates``
    points to the chunk's G in memory, ``g`` is the same in registers.
    """
    middle = t // (2 * half) * (2 * half) + half - 1
    inside = (middle < steps)[:, None] & (c < K)[None, :]
    reference = tl.load(gates + middle[:, None] * (HV * K) + c[None, :], mask=inside, other=0.0)
    return tl.exp(-tl.abs(g - reference))


@triton.jit
def level_pairs(t, half):
    """Which pairs (t, s) [C, C] lie in the second and the first half of one block of 2 * half steps."""
    row = t[:, None]
    column = t[None, :]
    return (row // (2 * half) == column // (2 * half)) & (row // half > column // half)
