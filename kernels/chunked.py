"""The chunked ops as one torch operator, ``archloop::chunked``: so torch.compile, CUDA graphs and export take it whole.

``chunk_linear`` and ``chunk_delta`` call it; with beta it is the delta rule. What the backward pass needs is among its
results, in the form of the backend that ran.
"""

from typing import Any

import torch
from torch import Tensor

from kernels import recurrence
from kernels.arguments import compute_dtype, require_mixing
from kernels.backends import backend_for, implementation, run
from kernels.cpu.cost import backward_cost, forward_cost
from kernels.values import require_values
from kernels.work import costs


def mix(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, scale: float | None,
    initial_state: Tensor | None, cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Check the arguments, choose the backend and run it; see ``kernels.chunk_delta``."""
    require_mixing(q, k, v, beta, decay, initial_state, cu_seqlens)
    scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
    backend = backend_for(q, k, v, beta, decay, initial_state)
    if backend == "recurrence":
        require_values(decay, cu_seqlens, v.shape[1])
        o, state = recurrence.mixing_recurrence(q, k, v, beta, decay, scale, initial_state, cu_seqlens)
        return o.to(v.dtype), state.to(compute_dtype(q, k, v, beta, decay, initial_state))
    if initial_state is not None:
        initial_state = initial_state.to(compute_dtype(q, k, v, beta, decay, initial_state))
    if decay is not None and decay.dim() == 1:
        decay = decay.expand(v.shape[:3]).contiguous()
    o, state, _ = chunked(q, k, v, beta, decay, initial_state, cu_seqlens, scale, backend)
    return o, state


@torch.library.custom_op("archloop::chunked", mutates_args=())
def chunked(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None,
    cu_seqlens: Tensor | None, scale: float, backend: str,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    """o, the final state, and what the backward pass needs."""
    require_values(decay, cu_seqlens, v.shape[1])
    results: tuple[Tensor, Tensor, list[Tensor]] = run(
        "chunked", backend, "forward", q, k, v, beta, decay, scale, initial_state, cu_seqlens
    )
    return results


@torch.library.custom_op("archloop::chunked_backward", mutates_args=())
def chunked_backward(
    do: Tensor, dstate: Tensor | None, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None,
    initial_state: Tensor | None, cu_seqlens: Tensor | None, saved: list[Tensor], scale: float, backend: str,
) -> list[Tensor]:  # fmt: skip
    """Gradients in q, k, v, then in those of beta, decay and initial_state that were given.

    dstate is None where the final state was not used.
    """
    do, dstate = do.contiguous(), None if dstate is None else dstate.contiguous()
    gradients = run(
        "chunked", backend, "backward", do, dstate, q, k, v, beta, decay, scale, initial_state, cu_seqlens, saved
    )
    return [gradient for gradient in gradients if gradient is not None]


@chunked.register_fake
def _(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None,
    cu_seqlens: Tensor | None, scale: float, backend: str,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    sequences = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
    dtype = compute_dtype(q, k, v, beta, decay, initial_state)
    state = q.new_empty((sequences, v.shape[2], q.shape[3], v.shape[3]), dtype=dtype)
    saved = implementation("chunked", backend).saved_like(q, k, v, beta, decay, initial_state, cu_seqlens)
    return torch.empty_like(v), state, saved


@chunked_backward.register_fake
def _(
    do: Tensor, dstate: Tensor | None, q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None,
    initial_state: Tensor | None, cu_seqlens: Tensor | None, saved: list[Tensor], scale: float, backend: str,
) -> list[Tensor]:  # fmt: skip
    return [torch.empty_like(x) for x in (q, k, v, beta, decay, initial_state) if x is not None]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, list[Tensor]]) -> None:
    *tensors, ctx.scale, ctx.backend = inputs
    ctx.set_materialize_grads(False)  # autograd would fill zeros for all that was saved
    ctx.given = [x is not None for x in tensors]
    ctx.save_for_backward(*(x for x in tensors if x is not None), *output[2])


def _gradients(ctx: Any, do: Tensor | None, dstate: Tensor | None, _: Any) -> tuple[Tensor | None, ...]:
    rest = list(ctx.saved_tensors)
    tensors = [rest.pop(0) if given else None for given in ctx.given]
    do = torch.zeros_like(tensors[2]) if do is None else do
    gradients = chunked_backward(do, dstate, *tensors, rest, ctx.scale, ctx.backend)
    found = iter(gradients)
    return (*(next(found) if given else None for given in ctx.given[:6]), None, None, None)


chunked.register_autograd(_gradients, setup_context=_keep)
costs(chunked, forward_cost)
costs(chunked_backward, backward_cost)
