"""Argument checks shared by the ops: one sentence that names what was given, what is accepted and what to do."""

import torch
from torch import Tensor


def require_shape(name: str, given: Tensor, accepted: tuple[int | None, ...], meaning: str) -> None:
    """Raise ValueError unless ``given`` is a floating-point tensor of shape ``accepted`` (None fits any size >= 1)."""
    if not isinstance(given, Tensor) or not given.is_floating_point():
        kind = given.dtype if isinstance(given, Tensor) else type(given).__name__
        raise ValueError(f"{name} is {kind}, but a floating-point tensor {meaning} is needed: convert it first.")
    fits = given.dim() == len(accepted) and all(
        size >= 1 and (want is None or size == want) for size, want in zip(given.shape, accepted, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in accepted)
        raise ValueError(f"{name} has shape {list(given.shape)}, but {meaning} = [{wanted}] is needed: reshape it.")


def require_mixing(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None
) -> None:
    """Check the arguments of both chunked ops against each other; the ValueError names the wrong one."""
    require_shape("q", q, (None, None, None, None), "[B, T, H, K]")
    batch, length, heads, width = q.shape
    require_shape("k", k, (batch, length, heads, width), "[B, T, H, K] as q has it")
    require_shape("v", v, (batch, length, None, None), "[B, T, HV, V]")
    value_heads, value_width = v.shape[2:]
    if value_heads % heads:
        raise ValueError(
            f"v has {value_heads} heads, but a multiple of the {heads} heads of q and k is needed: change either."
        )
    if beta is not None:
        require_shape("beta", beta, (batch, length, value_heads), "[B, T, HV]")
    if decay is not None:
        forms = ((value_heads,), (batch, length, value_heads), (batch, length, value_heads, width))
        if not isinstance(decay, Tensor) or not decay.is_floating_point() or tuple(decay.shape) not in forms:
            given = list(decay.shape) if isinstance(decay, Tensor) else type(decay).__name__
            raise ValueError(
                f"decay is {given}, but floating-point [HV], [B, T, HV] or [B, T, HV, K] = "
                f"{' or '.join(str(list(form)) for form in forms)} is needed: reshape or expand it."
            )
    if initial_state is not None:
        require_shape("initial_state", initial_state, (batch, value_heads, width, value_width), "[B, HV, K, V]")


def compute_dtype(*tensors: Tensor | None) -> torch.dtype:
    """The type to compute in: float64 if any tensor is float64, else float32, so that half types lose nothing."""
    wide = any(tensor is not None and tensor.dtype == torch.float64 for tensor in tensors)
    return torch.float64 if wide else torch.float32
