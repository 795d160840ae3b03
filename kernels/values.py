"""Checks of what stands in a tensor, where reading it costs little.

On a CPU each call is checked. On another device reading waits for all work before it, so only the first call of each
shape is, and none while a CUDA graph is recorded.
"""

from itertools import pairwise

import torch
from torch import Tensor

_seen: set[tuple[object, ...]] = set()


def require_values(decay: Tensor | None, cu_seqlens: Tensor | None, length: int) -> None:
    """Raise ValueError if a log decay is above 0, or packed sequences do not lie one after another in [0, length]."""
    given = [x for x in (decay, cu_seqlens) if x is not None]
    form = (length, *((x.device, x.dtype, *x.shape) for x in given))
    if not given or _skipped(given[0], form):
        return
    if decay is not None and bool(decay.amax() > 0):
        raise ValueError(
            f"decay is up to {float(decay.max()):.3g}, but log decays are at most 0, where the state neither grows nor "
            "fades: make it negative, for example with logsigmoid or -softplus."
        )
    if cu_seqlens is not None:
        starts = cu_seqlens.tolist()
        rising = all(a < b for a, b in pairwise(starts))
        if not rising or starts[0] != 0 or starts[-1] != length:
            raise ValueError(
                f"cu_seqlens is {_shown(starts)}, but numbers that rise from 0 to T = {length} are needed, each the "
                "start of a sequence of at least one step, and the end of the last."
            )
    if given[0].device.type != "cpu":
        _seen.add(form)  # only what has passed


def _shown(numbers: list[int]) -> str:
    return str(numbers) if len(numbers) <= 8 else f"[{', '.join(map(str, numbers[:7]))}, ...]"


def _skipped(given: Tensor, form: tuple[object, ...]) -> bool:
    return form in _seen or (given.is_cuda and torch.cuda.is_current_stream_capturing())
