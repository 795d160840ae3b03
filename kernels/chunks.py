"""Cutting sequences into chunks and putting them together again.

Inside the chunked ops every tensor is [N, M, C, X]: N chunks in time order, M = batch * value heads, C steps a chunk.
Chunks come first because the state pass walks over them, and each step then reads one contiguous block.
"""

import torch.nn.functional as F
from torch import Tensor


def chunk_size(width: int) -> int:
    """Steps a chunk for keys of this width: the fastest on one CPU thread at widths 16 to 64 (``kernels.bench``)."""
    return 16 if width <= 32 else 32


def to_chunks(x: Tensor, heads: int, size: int) -> Tensor:
    """[B, T, H, X] -> contiguous [N, B * heads, size, X]; the last chunk is filled up with zeros.

    ``heads`` is a multiple of H: each head is repeated heads / H times, neighbours together, as grouped values need it.
    Zeros are neutral: no key, no value, no write, and a log decay of 0 keeps the state as it is.
    """
    batch, length, own_heads, width = x.shape
    if length % size:  # padding by nothing would still copy
        x = F.pad(x, (0, 0, 0, 0, 0, -length % size))
    x = x.unflatten(1, (-1, size)).permute(1, 0, 3, 2, 4)
    if own_heads != heads:
        x = x.unsqueeze(3).expand(-1, -1, -1, heads // own_heads, -1, -1)
    return x.reshape(-1, batch * heads, size, width).contiguous()


def from_chunks(x: Tensor, batch: int, length: int) -> Tensor:
    """[N, B * HV, C, X] -> [B, T, HV, X], without the filling."""
    chunks, _, size, width = x.shape
    x = x.view(chunks, batch, -1, size, width).permute(1, 0, 3, 2, 4)
    return x.reshape(batch, chunks * size, -1, width)[:, :length]
