"""Both chunked ops in the layout that callers use: cut into chunks, computed there, put together again."""

import torch
from torch import Tensor

from kernels.arguments import compute_dtype
from kernels.cpu import delta, linear
from kernels.cpu.chunks import Chunks, chunk_size, most_chunks
from kernels.cpu.decay import gates_of, log_decay_gradient

GROUP = 2**18
"""Elements of q or v that are worked on at once: most of what comes and goes then stays in a core's cache."""


def forward(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float,
    initial_state: Tensor | None, cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    """Shapes as in ``kernels.chunk_delta``; beta is None for ``chunk_linear``; decay None, [B, T, HV] or [.., HV, K].

    Returns o in v's type, the final state, and what ``backward`` wants: the same list for each group of sequences.
    """
    dtype = compute_dtype(q, k, v, beta, decay, initial_state)
    o = torch.empty_like(v)
    sequences = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
    final = q.new_empty(sequences, v.shape[2], q.shape[3], v.shape[3], dtype=dtype)
    saved: list[Tensor] = []
    for here in _groups(q, v):
        states = slice(None) if cu_seqlens is not None else here
        saved += _forward(
            o[here], final[states], q[here], k[here], v[here], _part(beta, here), _part(decay, here),
            _part(initial_state, states), scale, cu_seqlens, dtype,
        )  # fmt: skip
    return o, final, saved


def backward(
    do: Tensor, dfinal: Tensor | None, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None,
    scale: float, initial_state: Tensor | None, cu_seqlens: Tensor | None, saved: list[Tensor],
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Gradients in q, k, v, beta, decay and initial_state, like these; None where an argument was None.

    do [B, T, HV, V]; dfinal [B or S, HV, K, V], None for zeros.
    """
    gradients = tuple(None if x is None else torch.empty_like(x) for x in (q, k, v, beta, decay, initial_state))
    groups = _groups(q, v)
    each = len(saved) // len(groups)
    for n, here in enumerate(groups):
        states = slice(None) if cu_seqlens is not None else here
        _backward(
            [_part(x, here) for x in gradients[:5]] + [_part(gradients[5], states)], do[here], _part(dfinal, states),
            q[here], v[here], _part(decay, here), scale, cu_seqlens, saved[n * each : (n + 1) * each],
        )  # fmt: skip
    return gradients


def saved_like(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> list[Tensor]:  # fmt: skip
    """Empty tensors of the shapes and types of what ``forward`` returns for ``backward``, in its order."""
    dtype = compute_dtype(q, k, v, beta, decay, initial_state)
    _, length, heads, value_width = v.shape
    width = q.shape[-1]
    size = chunk_size(width)
    sequences = 1 if cu_seqlens is None else cu_seqlens.shape[0] - 1
    count = most_chunks(length, sequences, size)
    channels = width if decay is not None and decay.dim() == 4 else 1
    shapes: list[tuple[int, ...]] = []
    for here in _groups(q, v):
        each = (here.stop - here.start) * heads
        steps = (count, each, size)
        shapes += [(count, each, 2, size, width), (*steps, value_width)]
        if decay is not None:
            shapes.append((*steps, channels))
        shapes += [(count + sequences, each, width, value_width), (count, each, 1 if beta is None else 2, size, size)]
        if beta is not None:
            shapes += [(*steps, size), (*steps, value_width), (*steps, width)]
        if decay is not None and decay.dim() < 4:
            shapes.append((count, each, 1, size, size))
        if beta is not None:
            shapes.append((*steps, 1))
    return [q.new_empty(shape, dtype=dtype) for shape in shapes]


def _part(x: Tensor | None, here: slice) -> Tensor | None:
    return None if x is None else x[here]


def _groups(q: Tensor, v: Tensor) -> list[slice]:
    """The sequences of a batch, a few at a time. Packed ones make one group: B is 1."""
    batch, length, heads, value_width = v.shape
    each = max(1, GROUP // (length * heads * max(q.shape[-1], value_width)))
    return [slice(start, min(start + each, batch)) for start in range(0, batch, each)]


def _forward(
    o: Tensor, final: Tensor, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None,
    initial_state: Tensor | None, scale: float, cu_seqlens: Tensor | None, dtype: torch.dtype,
) -> list[Tensor]:  # fmt: skip
    """Fill ``o`` and ``final``; returns what the backward pass wants."""
    chunks = _chunks(q, v, cu_seqlens)
    qk, v_cut = chunks.cut_together((q, k), dtype), chunks.cut(v, dtype)
    gates = None if decay is None else gates_of(decay, chunks, dtype)
    initial = _border_states(q, v, initial_state, chunks, dtype)
    if beta is None:
        o_cut, last, saved = linear.forward(qk, v_cut, gates, initial, scale, chunks)
    else:
        beta_cut = chunks.cut(beta.unsqueeze(-1), dtype)
        o_cut, last, saved = delta.forward(qk, v_cut, beta_cut, gates, initial, scale, chunks)
        saved.append(beta_cut)
    chunks.join(o_cut, o)
    final.copy_(last.view(final.shape))
    return [qk, v_cut, *([] if gates is None else [gates]), *saved]


def _backward(
    into: list[Tensor | None], do: Tensor, dfinal: Tensor | None, q: Tensor, v: Tensor, decay: Tensor | None,
    scale: float, cu_seqlens: Tensor | None, saved: list[Tensor],
) -> None:  # fmt: skip
    """Fill the gradients in q, k, v, beta, decay and initial_state, None where there is no such argument."""
    chunks = _chunks(q, v, cu_seqlens)
    qk, v_cut, *saved = saved
    gates = None if decay is None else saved.pop(0)
    do_cut = chunks.cut(do, qk.dtype)
    dfinal = _border_states(q, v, dfinal, chunks, qk.dtype)
    *of_steps, dbeta, ddecay, dstate = into
    if dbeta is None:
        *found, dgates, dinitial = linear.backward(do_cut, dfinal, qk, v_cut, gates, saved, scale, chunks)
    else:
        beta_cut = saved.pop()
        *found, of_beta, dgates, dinitial = delta.backward(
            do_cut, dfinal, qk, v_cut, beta_cut, gates, saved, scale, chunks
        )
        chunks.join(of_beta, dbeta.unsqueeze(-1))
    for gradient, target in zip(found, of_steps, strict=True):
        if target is not None:
            chunks.join(gradient, target)
    if decay is not None and ddecay is not None and dgates is not None:
        log_decay_gradient(decay, dgates, chunks, ddecay)
    if dstate is not None:
        dstate.copy_(dinitial.view(dstate.shape))


def _chunks(q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> Chunks:
    packed = None if cu_seqlens is None else tuple(cu_seqlens.tolist())
    batch, length, heads = v.shape[:3]
    return Chunks(batch, length, heads, chunk_size(q.shape[-1]), packed)


def _border_states(q: Tensor, v: Tensor, given: Tensor | None, chunks: Chunks, dtype: torch.dtype) -> Tensor:
    """A state for each sequence, [S, M, K, V]: as given, or zeros."""
    each = chunks.batch * chunks.heads
    shape = (len(chunks.runs), each, q.shape[-1], v.shape[-1])
    return q.new_zeros(shape, dtype=dtype) if given is None else given.to(dtype).reshape(shape)
