"""What the chunked ops cost, counted from ``kernels.cpu.linear``, ``delta`` and ``scores``."""

from typing import Any

from kernels.cpu.chunks import chunk_size, most_chunks
from kernels.work import Work

Shape = tuple[int, ...]


def forward_cost(
    q: Shape, k: Shape, v: Shape, beta: Shape | None, decay: Shape | None, initial_state: Shape | None,
    cu_seqlens: Shape | None, *rest: Any,
) -> Work:  # fmt: skip
    """Of ``archloop::chunked``."""
    count, c, kw, vw = _sizes(q, v, cu_seqlens)
    channels = 0 if decay is None else kw if len(decay) == 4 else 1
    pairs, states = 2 * c * c * kw, kw * vw
    flops = pairs + 4 * c * states + 2 * c * c * (vw + channels)
    written = c * (4 * kw + 3 * vw) + 2 * states + 2 * c * c
    if decay is not None:
        written += (3 * c * kw + c * c) if channels == 1 else 11 * c * kw
    if beta is not None:
        flops += pairs + 2 * c * states + 2 * c * c * (kw + vw) + c**3
        written += 4 * c * c + c * vw + c + 2 * states
        if decay is not None:
            written += (3 if channels == 1 else 4) * c * kw
    slots = count if beta is None else count + _finals(v, cu_seqlens)
    return Work(count * flops, count * written, _largest(count, slots, v, beta, c, kw))


def backward_cost(do: Shape, dstate: Shape, *arguments: Any) -> Work:
    """Of ``archloop::chunked_backward``."""
    q, _, v, beta, decay, _, cu_seqlens, *_ = arguments
    count, c, kw, vw = _sizes(q, v, cu_seqlens)
    channels = 0 if decay is None else kw if len(decay) == 4 else 1
    pairs, states = 2 * c * c * kw, kw * vw
    flops = 2 * pairs + 8 * c * states + 2 * c * c * (2 * vw + channels)
    written = c * (9 * kw + 6 * vw) + 2 * states + 2 * c * c
    if decay is not None:
        written += 6 * c * kw + c * c if channels == 1 else 13 * c * kw + states
    if beta is not None:
        flops += 2 * pairs + 4 * c * states + 4 * c * c * vw
        written += c * (7 * kw + 4 * vw) + 4 * c * c + states
        if decay is not None:
            written += (2 if channels == 1 else 6) * c * kw
    return Work(count * flops, count * written, _largest(count, count, v, beta, c, kw))


def _sizes(q: Shape, v: Shape, cu_seqlens: Shape | None) -> tuple[int, int, int, int]:
    """Chunks of all sequences and heads, steps a chunk, K, V."""
    batch, length, heads, value_width = v
    size = chunk_size(q[-1])
    sequences = 1 if cu_seqlens is None else cu_seqlens[0] - 1
    return most_chunks(length, sequences, size) * batch * heads, size, q[-1], value_width


def _finals(v: Shape, cu_seqlens: Shape | None) -> int:
    """Final states of all sequences and heads."""
    sequences: int = 1 if cu_seqlens is None else cu_seqlens[0] - 1
    return sequences * v[0] * v[2]


def _largest(count: int, slots: int, v: Shape, beta: Shape | None, size: int, width: int) -> int:
    """Elements of the states that one call writes, or of scores, or of what they read or write: twice for delta."""
    rows = 1 if beta is None else 2
    return max(slots * width * v[-1], rows * count * size * max(size, width, v[-1]))
