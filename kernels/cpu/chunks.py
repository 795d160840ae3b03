"""Cutting sequences into chunks and putting them together again.

Inside the chunked ops tensors are [N, M, C, X]: N chunks in time order, M = batch * value heads, C steps a chunk.
Queries and keys lie together, [N, M, 2, C, K]. Chunks come first because the state pass walks over them, and each step
then reads one contiguous block. Packed sequences start a new chunk each, so that none ever holds steps of two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor


def chunk_size(width: int) -> int:
    """Steps a chunk for keys of this width; ``python -m kernels.bench.chunks`` times other sizes beside it."""
    return 16 if width <= 32 else 32


@dataclass(frozen=True)
class Chunks:
    """How B * T steps lie in N chunks: one run of chunks a sequence, or S runs if sequences are packed (B = 1)."""

    batch: int
    length: int
    heads: int
    size: int
    packed: tuple[int, ...] | None = None
    """Where each packed sequence starts, and the end of the last: S + 1 numbers."""

    @property
    def count(self) -> int:
        """N; of packed sequences the most that they can need, so that no shape depends on their lengths."""
        return most_chunks(self.length, 1 if self.packed is None else len(self.packed) - 1, self.size)

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """First chunk of each sequence, and the one after its last."""
        if self.packed is None:
            return [(0, self.count)]
        runs, first = [], 0
        for start, end in zip(self.packed, self.packed[1:], strict=False):
            runs.append((first, first + -(-(end - start) // self.size)))
            first = runs[-1][1]
        return runs

    @cached_property
    def places(self) -> Tensor:
        """For packed sequences: the slot of each of the T steps among the N * C slots."""
        bounds = self.packed or ()
        slots = [first * self.size + torch.arange(end - start) for (first, _), start, end in zip(
            self.runs, bounds, bounds[1:], strict=False
        )]  # fmt: skip
        return torch.cat(slots)

    def cut(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """[B, T, H, X] -> contiguous [N, B * heads, C, X] in ``dtype``, a copy; slots that no step takes hold zeros.

        ``heads`` is a multiple of H: each head is repeated heads / H times, neighbours together, as grouped values need
        it. Zeros are neutral: no key, no value, no write, and a log decay of 0 keeps the state as it is.
        """
        return self.cut_together((x,), dtype).squeeze(2)

    def cut_together(self, given: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
        """R tensors of one shape, each as ``cut`` does it -> contiguous [N, B * heads, R, C, X]."""
        own_heads, width = given[0].shape[2:]
        repeated = self.heads // own_heads
        shape = (self.count, self.batch, own_heads, repeated, len(given), self.size, width)
        together = given[0].new_empty(shape, dtype=dtype)
        for x, into in zip(given, together.unbind(4), strict=True):
            if self.packed is not None:
                slots = x.new_zeros(1, self.count * self.size, own_heads, width)
                x = slots.index_copy_(1, self.places.to(x.device), x)
            elif self.length % self.size:
                x = F.pad(x, (0, 0, 0, 0, 0, -self.length % self.size))
            into.copy_(x.unflatten(1, (-1, self.size)).permute(1, 0, 3, 2, 4).unsqueeze(3).expand(into.shape))
        return together.view(self.count, -1, *shape[4:])

    def join(self, x: Tensor, into: Tensor) -> None:
        """Write [N, B * HV, C, X] into [B, T, H, X], without the filling: the sum of the value heads of each head."""
        x = x.view(self.count, self.batch, -1, self.size, x.shape[-1]).permute(1, 0, 3, 2, 4)
        heads = into.shape[2]
        if heads != self.heads:
            x = x.unflatten(3, (heads, -1)).sum(dim=4)
        if self.packed is None and self.length % self.size == 0:
            into.view(x.shape).copy_(x)
            return
        x = x.reshape(self.batch, self.count * self.size, heads, x.shape[-1])
        into.copy_(x[:, : self.length] if self.packed is None else x[:, self.places.to(x.device)])


def most_chunks(length: int, sequences: int, size: int) -> int:
    """The most chunks that ``sequences`` sequences of ``length`` steps together can need."""
    return (length + sequences * (size - 1)) // size
