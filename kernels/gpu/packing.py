"""Where the chunks of packed sequences lie, as tables on the device: nothing waits for the device to answer."""

from typing import NamedTuple

import torch
from torch import Tensor

from kernels.cpu.chunks import most_chunks


class Chunks(NamedTuple):
    """Chunks of all sequences in order, as int64 tables; None where nothing is packed."""

    first: Tensor | None = None
    """The number of chunks before each sequence [S + 1]."""
    starts: Tensor | None = None
    """Each chunk's first step [most chunks there can be]."""
    stops: Tensor | None = None
    """The end of each chunk's sequence, in the shape of ``starts``; 0 for surplus chunks."""


def chunks_of(cu_seqlens: Tensor, length: int, size: int) -> Chunks:
    """Tables for chunks of ``size`` steps; ``cu_seqlens`` [S + 1] rises from 0 to ``length``."""
    counts = (cu_seqlens.diff() + size - 1) // size
    first = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    chunk = torch.arange(most_chunks(length, counts.shape[0], size), device=cu_seqlens.device)
    sequence = torch.searchsorted(first[1:], chunk, right=True)
    real = sequence < counts.shape[0]
    sequence = sequence.clamp(max=counts.shape[0] - 1)
    starts = cu_seqlens[sequence] + (chunk - first[sequence]) * size
    return Chunks(first, starts, torch.where(real, cu_seqlens[sequence + 1], 0))
