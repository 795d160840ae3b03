"""Both chunked ops in the layout that callers use: cut into chunks, computed there, put together again."""

import torch
from torch import Tensor

from kernels.arguments import compute_dtype
from kernels.cpu import delta, linear
from kernels.cpu.chunks import Chunks, chunk_size, most_chunks
from kernels.cpu.decay import gates_of, log_decay_gradient


def forward(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float,
    initial_state: Tensor | None, cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    """Shapes as in ``kernels.chunk_delta``; beta is None for ``chunk_linear``; decay None, [B, T, HV] or [.., HV, K].

    Returns o in v's type, the final state, and what ``backward`` wants.
    """
    dtype = compute_dtype(q, k, v, beta, decay, initial_state)
    chunks = _chunks(q, v, cu_seqlens)
    q_cut, k_cut, v_cut = (chunks.cut(x.to(dtype)) for x in (q, k, v))
    gates = None if decay is None else gates_of(decay, chunks, dtype)
    initial = _initial(q, v, initial_state, chunks, dtype)
    if beta is None:
        o, final, saved = linear.forward(q_cut, k_cut, v_cut, gates, initial, scale, chunks)
    else:
        beta_cut = chunks.cut(beta.to(dtype).unsqueeze(-1))
        o, final, saved = delta.forward(q_cut, k_cut, v_cut, beta_cut, gates, initial, scale, chunks)
        saved.append(beta_cut)
    kept = [q_cut, k_cut, v_cut, *([] if gates is None else [gates])]
    o = chunks.join(o).to(v.dtype).contiguous()
    return o, final.reshape(-1, v.shape[2], q.shape[-1], v.shape[-1]), kept + saved


def backward(
    do: Tensor, dfinal: Tensor, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None,
    scale: float, initial_state: Tensor | None, cu_seqlens: Tensor | None, saved: list[Tensor],
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:  # fmt: skip
    """Gradients in q, k, v, beta, decay and initial_state, like these; None where an argument was None."""
    chunks = _chunks(q, v, cu_seqlens)
    q_cut, k_cut, v_cut, *saved = saved
    gates = None if decay is None else saved.pop(0)
    dtype = q_cut.dtype
    do_cut = chunks.cut(do.to(dtype))
    dfinal = dfinal.to(dtype).reshape(-1, chunks.batch * chunks.heads, *dfinal.shape[2:])
    if beta is None:
        *gradients, dgates, dinitial = linear.backward(
            do_cut, dfinal, q_cut, k_cut, v_cut, gates, saved, scale, chunks
        )  # fmt: skip
        dbeta = None
    else:
        beta_cut = saved.pop()
        *gradients, dbeta, dgates, dinitial = delta.backward(
            do_cut, dfinal, q_cut, k_cut, v_cut, beta_cut, gates, saved, scale, chunks
        )
        dbeta = chunks.join(dbeta).squeeze(-1)
    dq, dk, dv = (chunks.join_gradient(dx, x.shape[2]) for dx, x in zip(gradients, (q, k, v), strict=True))
    ddecay = None if decay is None or dgates is None else log_decay_gradient(decay, dgates, chunks)
    return (
        _as(dq, q), _as(dk, k), _as(dv, v), _as(dbeta, beta), _as(ddecay, decay),
        None if initial_state is None else _as(dinitial.reshape(initial_state.shape), initial_state),
    )  # fmt: skip


def saved_like(q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None,
               cu_seqlens: Tensor | None) -> list[Tensor]:  # fmt: skip
    """Empty tensors of the shapes and types of what ``forward`` returns for ``backward``, in its order."""
    dtype = compute_dtype(q, k, v, beta, decay, initial_state)
    batch, length, heads, value_width = v.shape
    width = q.shape[-1]
    size = chunk_size(width)
    sequences = 1 if cu_seqlens is None else cu_seqlens.shape[0] - 1
    count, each = most_chunks(length, sequences, size), batch * heads
    steps = (count, each, size)
    channels = width if decay is not None and decay.dim() == 4 else 1
    shapes = [(*steps, width), (*steps, width), (*steps, value_width)]
    if decay is not None:
        shapes.append((*steps, channels))
    shapes += [(count + sequences, each, width, value_width), (*steps, size)]
    if beta is not None:
        shapes += [(*steps, size), (*steps, size), (*steps, value_width), (*steps, width)]
    if decay is not None and decay.dim() < 4:
        shapes.append((*steps, size))
    if beta is not None:
        shapes.append((*steps, 1))
    return [q.new_empty(shape, dtype=dtype) for shape in shapes]


def _chunks(q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> Chunks:
    packed = None if cu_seqlens is None else tuple(cu_seqlens.tolist())
    batch, length, heads = v.shape[:3]
    return Chunks(batch, length, heads, chunk_size(q.shape[-1]), packed)


def _initial(q: Tensor, v: Tensor, given: Tensor | None, chunks: Chunks, dtype: torch.dtype) -> Tensor:
    each = chunks.batch * chunks.heads
    shape = (len(chunks.runs), each, q.shape[-1], v.shape[-1])
    return q.new_zeros(shape, dtype=dtype) if given is None else given.to(dtype).reshape(shape)


def _as(gradient: Tensor, argument: Tensor | None) -> Tensor | None:
    return None if argument is None else gradient.to(argument.dtype).contiguous()
