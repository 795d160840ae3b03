"""The elementwise linear recurrence h_t = a_t h_{t-1} + b_t, as the torch operator ``archloop::linear_scan``."""

from typing import Any

import torch
from torch import Tensor

from kernels import recurrence
from kernels.arguments import require_contiguous, require_one_device, require_packed, require_shape
from kernels.backends import backend_for, run
from kernels.values import require_values
from kernels.work import Work, costs


def linear_scan(a: Tensor, b: Tensor, initial_state: Tensor | None = None, cu_seqlens: Tensor | None = None) -> Tensor:
    """h_t = a_t * h_{t-1} + b_t for a, b [B, T, D] with 0 <= a <= 1; initial_state [B, D] defaults to zeros.

    Martin and Cundy, "Parallelizing Linear Recurrent Neural Nets Over Sequence Length" (2018, arXiv 1709.04057),
    equation 1. With cu_seqlens [S + 1], int64, B is 1, S sequences lie along T, and initial_state is [S, D].
    Returns h [B, T, D] in b's type. Gradients flow to a, b and initial_state. ValueError if shapes do not fit.
    """
    require_shape("a", a, (None, None, None), "[B, T, D]")
    require_shape("b", b, tuple(a.shape), "[B, T, D] as a has it")
    sequences = a.shape[0] if cu_seqlens is None else require_packed(cu_seqlens, a.shape[0])
    if initial_state is not None:
        require_shape("initial_state", initial_state, (sequences, a.shape[2]), "[B, D], or [S, D] if packed")
    given = {"a": a, "b": b, "initial_state": initial_state, "cu_seqlens": cu_seqlens}
    require_one_device(**given)
    require_contiguous(**given)
    backend = backend_for(a, b, initial_state)
    if backend == "recurrence":
        require_values(None, cu_seqlens, a.shape[1])
        return recurrence.scan_recurrence(a, b, initial_state, cu_seqlens).to(b.dtype)
    h: Tensor = scan(a, b, initial_state, cu_seqlens, backend)
    return h


@torch.library.custom_op("archloop::linear_scan", mutates_args=())
def scan(a: Tensor, b: Tensor, initial_state: Tensor | None, cu_seqlens: Tensor | None, backend: str) -> Tensor:
    """h [B, T, D]."""
    require_values(None, cu_seqlens, a.shape[1])
    h: Tensor = run("scan", backend, "forward", a, b, initial_state, cu_seqlens)
    return h


@torch.library.custom_op("archloop::linear_scan_backward", mutates_args=())
def scan_backward(
    dh: Tensor, a: Tensor, initial_state: Tensor | None, h: Tensor, cu_seqlens: Tensor | None, backend: str
) -> list[Tensor]:
    """Gradients in a, b and, if there was one, initial_state."""
    gradients = run("scan", backend, "backward", dh.contiguous(), a, initial_state, h, cu_seqlens)
    return [gradient for gradient in gradients if gradient is not None]


@scan.register_fake
def _(a: Tensor, b: Tensor, initial_state: Tensor | None, cu_seqlens: Tensor | None, backend: str) -> Tensor:
    return torch.empty_like(b)


@scan_backward.register_fake
def _(
    dh: Tensor, a: Tensor, initial_state: Tensor | None, h: Tensor, cu_seqlens: Tensor | None, backend: str
) -> list[Tensor]:
    return [torch.empty_like(x) for x in (a, h, initial_state) if x is not None]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    a, _, initial_state, cu_seqlens, ctx.backend = inputs
    ctx.save_for_backward(a, initial_state, output, cu_seqlens)


def _gradients(ctx: Any, dh: Tensor) -> tuple[Tensor | None, ...]:
    da, db, *dstate = scan_backward(dh, *ctx.saved_tensors, ctx.backend)
    return da, db, dstate[0] if dstate else None, None, None


scan.register_autograd(_gradients, setup_context=_keep)


def _forward_cost(a: tuple[int, ...], *rest: Any) -> Work:
    size = a[0] * a[1] * a[2]
    return Work(2 * size, 6 * size, size)


def _backward_cost(dh: tuple[int, ...], *rest: Any) -> Work:
    size = dh[0] * dh[1] * dh[2]
    return Work(3 * size, 11 * size, size)


costs(scan, _forward_cost)
costs(scan_backward, _backward_cost)
