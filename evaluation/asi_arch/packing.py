"""Running an operation on each sequence of a packed batch by itself, so that nothing crosses a boundary."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

Run = Callable[[tuple[Tensor, ...], Any], tuple[Tensor, Any]]


def each_sequence(
    run: Run, tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """``run`` on a plain batch [B, T, ...], or on each of the N sequences of a packed one [1, T, ...].

    ``run`` takes the tensors of one batch and its states [B, ...] (None: start afresh), and returns the outputs
    [B, T, ...] and the final states, a tuple. With ``cu_seqlens`` [N + 1] the states are [N, ...], one a sequence.
    ValueError if the packed batch is not one row, or there are not N states.
    """
    if cu_seqlens is None:
        return run(*_contiguous(tensors, states))
    if tensors[0].shape[0] != 1:
        raise ValueError(f"cu_seqlens needs a packed batch [1, T, ...], but the batch has {tensors[0].shape[0]} rows.")
    bounds = cu_seqlens.tolist()
    count = len(bounds) - 1
    if states is not None and states[0].shape[0] != count:
        raise ValueError(f"There are {states[0].shape[0]} initial states for {count} packed sequences.")
    outputs, finals = [], []
    for n, (start, end) in enumerate(pairwise(bounds)):
        own = None if states is None else tuple(state[n : n + 1] for state in states)
        output, final = run(*_contiguous(tuple(x[:, start:end] for x in tensors), own))
        outputs.append(output)
        finals.append(final)
    return torch.cat(outputs, dim=1), tuple(torch.cat(parts) for parts in zip(*finals, strict=True))


def _contiguous(
    tensors: tuple[Tensor, ...], states: tuple[Tensor, ...] | None
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...] | None]:
    """As ``kernels`` wants them; fla copies what is not."""
    return tuple(x.contiguous() for x in tensors), None if states is None else tuple(x.contiguous() for x in states)
