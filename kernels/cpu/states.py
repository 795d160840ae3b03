"""The states at the borders of chunks: [N + S, M, K, V], a sequence's chunks in a row, then its final state.

Chunk n of sequence s is entered with slot n + s and left with slot n + s + 1. Of gradients the same.
"""

import torch
from torch import Tensor

from kernels.cpu.chunks import Chunks


def with_first(keys: Tensor, values: Tensor, firsts: Tensor, chunks: Chunks) -> Tensor:
    """Slots where each sequence's first of ``firsts`` [S, M, K, V] comes before what its chunks write.

    A chunk writes keys^T values, for keys [N, M, C, K] and values [N, M, C, V].
    """
    return _with(keys, values, firsts, chunks, 0)


def with_last(keys: Tensor, values: Tensor, lasts: Tensor, chunks: Chunks) -> Tensor:
    """The same with each sequence's last of ``lasts`` after what its chunks write."""
    return _with(keys, values, lasts, chunks, 1)


def _with(keys: Tensor, values: Tensor, ends: Tensor, chunks: Chunks, after: int) -> Tensor:
    slots = ends.new_empty(keys.shape[0] + ends.shape[0], *ends.shape[1:])
    if chunks.packed is None:
        torch.matmul(keys.mT, values, out=slots[1 - after : slots.shape[0] - after])
        slots[-after] = ends[0]
        return slots
    written = keys.mT @ values
    for s, (begin, end) in enumerate(chunks.runs):
        slots[begin + s + 1 - after : end + s + 1 - after] = written[begin:end]
        slots[(begin, end)[after] + s] = ends[s]
    slots[chunks.runs[-1][1] + len(chunks.runs) :] = 0.0
    return slots


def keep(into: Tensor, state: Tensor, factor: Tensor | None) -> None:
    """Add to ``into`` [M, K, V] what is kept of ``state`` over a chunk; factor [M, 1 or K] or None for all of it."""
    if factor is None:
        into.add_(state)
    else:
        into.addcmul_(state, factor[..., None])


def steps(chunks: Chunks) -> list[tuple[int, int]]:
    """Every used chunk in time order, with the slot that it is entered with."""
    return [(n, n + s) for s, (first, end) in enumerate(chunks.runs) for n in range(first, end)]


def entering(states: Tensor, chunks: Chunks) -> Tensor:
    """What each chunk is entered with, [N, M, K, V]."""
    return states[:-1] if chunks.packed is None else states[_slots(states, chunks)]


def leaving(states: Tensor, chunks: Chunks) -> Tensor:
    """What each chunk is left with, [N, M, K, V]."""
    return states[1:] if chunks.packed is None else states[_slots(states, chunks) + 1]


def first(states: Tensor, chunks: Chunks) -> Tensor:
    """What each sequence is entered with, [S, M, K, V], a copy."""
    return states[torch.tensor([begin + s for s, (begin, _) in enumerate(chunks.runs)], device=states.device)]


def last(states: Tensor, chunks: Chunks) -> Tensor:
    """What each sequence is left with, [S, M, K, V], a copy."""
    return states[torch.tensor([end + s for s, (_, end) in enumerate(chunks.runs)], device=states.device)]


def _slots(states: Tensor, chunks: Chunks) -> Tensor:
    slots = torch.arange(chunks.count)
    for begin, _ in chunks.runs[1:]:
        slots[begin:] += 1
    return slots.to(states.device)
