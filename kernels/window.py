"""Softmax attention over the last few positions, at a cost linear in the sequence length."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.arguments import require_shape

SMALLEST_BLOCK = 16
"""Narrow windows share blocks of this many steps: smaller matrix products are no faster."""


def window_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Causal softmax attention of each step to itself and the ``window`` - 1 steps before it, scaled by K ** -0.5.

    q, k [B, T, H, K]; v [B, T, H, V]. Returns [B, T, H, V]. Blocks of steps attend to themselves and the block before,
    so the cost is O(T * window). ValueError if shapes do not fit or the window is not a whole number >= 1.
    """
    require_shape("q", q, (None, None, None, None), "[B, T, H, K]")
    require_shape("k", k, tuple(q.shape), "[B, T, H, K] as q has it")
    require_shape("v", v, (*q.shape[:3], None), "[B, T, H, V]")
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise ValueError(f"window is {window!r}, but a whole number of steps >= 1 is needed: 1 means each step alone.")
    batch, length = q.shape[:2]
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    if window >= length:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
    block = max(window, SMALLEST_BLOCK)
    queries, keys, values = (_blocks(x, block) for x in (q, k, v))
    o = F.scaled_dot_product_attention(
        queries, _with_previous(keys), _with_previous(values), attn_mask=_visible(queries, window)
    )
    return o.unflatten(0, (batch, -1)).flatten(2, 3)[:, :, :length].transpose(1, 2)


def _blocks(x: Tensor, block: int) -> Tensor:
    """[B, H, T, X] -> [B * H, N, block, X], filled up with zeros: the blocks take the place of attention's heads."""
    return F.pad(x, (0, 0, 0, -x.shape[2] % block)).unflatten(2, (-1, block)).flatten(0, 1)


def _with_previous(x: Tensor) -> Tensor:
    """Put each block's predecessor in front of it: [B * H, N, block, X] -> [B * H, N, 2 * block, X]."""
    return torch.cat([F.pad(x, (0, 0, 0, 0, 1, 0))[:, :-1], x], dim=2)


def _visible(queries: Tensor, window: int) -> Tensor:
    """Which of its 2 * block keys each query sees: [1, N, block, 2 * block]. The first block has no predecessor."""
    blocks, block = queries.shape[1:3]
    position = torch.arange(2 * block, device=queries.device)
    behind = position[block:, None] - position
    seen = ((behind >= 0) & (behind < window)).expand(1, blocks, -1, -1).clone()
    seen[:, 0, :, :block] = False
    return seen
