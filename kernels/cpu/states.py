"""The states at the borders of chunks: [N + S, M, K, V], a sequence's chunks in a row, then its final state.

Chunk n of sequence s is entered with slot n + s and left with slot n + s + 1. Of gradients the same.
"""

import torch
from torch import Tensor

from kernels.cpu.chunks import Chunks


def with_first(of_chunks: Tensor, firsts: Tensor, chunks: Chunks) -> Tensor:
    """Slots where ``firsts`` [S, M, K, V] come before each sequence's part of ``of_chunks`` [N, M, K, V]."""
    parts = [part for s, (a, b) in enumerate(chunks.runs) for part in (firsts[s : s + 1], of_chunks[a:b])]
    return torch.cat([*parts, of_chunks[chunks.runs[-1][1] :]])


def with_last(of_chunks: Tensor, lasts: Tensor, chunks: Chunks) -> Tensor:
    """Slots where ``lasts`` [S, M, K, V] come after each sequence's part of ``of_chunks`` [N, M, K, V]."""
    parts = [part for s, (a, b) in enumerate(chunks.runs) for part in (of_chunks[a:b], lasts[s : s + 1])]
    return torch.cat([*parts, of_chunks[chunks.runs[-1][1] :]])


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
