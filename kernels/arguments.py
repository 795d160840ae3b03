"""Argument checks shared by the ops: one sentence that names what was given, what is accepted and what to do."""

import torch
from torch import Tensor

WIDEST = 128
"""The most channels a head may have: what the GPU kernels hold in registers."""


def require_shape(name: str, given: Tensor, accepted: tuple[int | None, ...], meaning: str) -> None:
    """Raise ValueError unless ``given`` is a floating-point tensor of shape ``accepted`` (None fits any size >= 1)."""
    _require_floating_point(name, given, meaning)
    fits = given.dim() == len(accepted) and all(
        size >= 1 and (want is None or size == want) for size, want in zip(given.shape, accepted, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in accepted)
        raise ValueError(f"{name} has shape {list(given.shape)}, but {meaning} = [{wanted}] is needed: reshape it.")


def require_rows(name: str, given: Tensor) -> None:
    """Raise ValueError unless ``given`` is a floating-point tensor of at least one dimension, none of them empty."""
    _require_floating_point(name, given, "[..., D]")
    if given.dim() == 0 or not given.numel():
        raise ValueError(f"{name} has shape {list(given.shape)}, but [..., D] with D >= 1 is needed: reshape it.")


def require_contiguous(**given: Tensor | None) -> None:
    """Raise ValueError unless every tensor lies in memory as its shape says: the kernels read it so."""
    for name, x in given.items():
        if x is not None and not x.is_contiguous():
            raise ValueError(
                f"{name} {list(x.shape)} has strides {list(x.stride())}, but a contiguous tensor is needed: "
                f"call {name}.contiguous() first."
            )


def _require_floating_point(name: str, given: Tensor, meaning: str) -> None:
    if not isinstance(given, Tensor) or not given.is_floating_point():
        kind = given.dtype if isinstance(given, Tensor) else type(given).__name__
        raise ValueError(f"{name} is {kind}, but a floating-point tensor {meaning} is needed: convert it first.")


def require_one_device(**given: Tensor | None) -> None:
    """Raise ValueError unless all tensors lie on the device of the first."""
    present = [(name, x) for name, x in given.items() if x is not None]
    first, reference = present[0]
    for name, x in present[1:]:
        if x.device != reference.device:
            raise ValueError(
                f"{name} is on {x.device}, but {first} is on {reference.device}: move {name} with .to({first}.device)."
            )


def require_mixing(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, decay: Tensor | None, initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> None:  # fmt: skip
    """Check the arguments of both chunked ops against each other; the ValueError names the wrong one."""
    require_shape("q", q, (None, None, None, None), "[B, T, H, K]")
    batch, length, heads, width = q.shape
    require_shape("k", k, (batch, length, heads, width), "[B, T, H, K] as q has it")
    require_shape("v", v, (batch, length, None, None), "[B, T, HV, V]")
    value_heads, value_width = v.shape[2:]
    require_heads(heads, width, value_heads, value_width)
    if beta is not None:
        require_shape("beta", beta, (batch, length, value_heads), "[B, T, HV]")
    if decay is not None:
        require_decay(decay, (batch, length), value_heads, width)
    sequences = batch if cu_seqlens is None else require_packed(cu_seqlens, batch)
    if initial_state is not None:
        meaning = "[B, HV, K, V]" if cu_seqlens is None else "[S, HV, K, V] for S packed sequences"
        require_shape("initial_state", initial_state, (sequences, value_heads, width, value_width), meaning)
    given = {"q": q, "k": k, "v": v, "beta": beta, "decay": decay, "initial_state": initial_state}
    require_one_device(**given, cu_seqlens=cu_seqlens)
    require_contiguous(**given, cu_seqlens=cu_seqlens)


def require_heads(heads: int, width: int, value_heads: int, value_width: int) -> None:
    """Check the numbers of heads, and of channels a head."""
    for name, size in (("q", width), ("v", value_width)):
        if size > WIDEST:
            raise ValueError(f"{name} has {size} channels a head, but at most {WIDEST} are supported: use more heads.")
    if value_heads % heads:
        raise ValueError(
            f"v has {value_heads} heads, but a multiple of the {heads} heads of q and k is needed: change either."
        )


def require_decay(decay: Tensor, steps: tuple[int, ...], value_heads: int, width: int) -> None:
    """Check the form of a log decay for ``steps`` = (B, T), or (B,) where there is one step."""
    lead = "B, T" if len(steps) == 2 else "B"
    meaning = f"[HV], [{lead}, HV] or [{lead}, HV, K]"
    _require_floating_point("decay", decay, meaning)
    forms = ((value_heads,), (*steps, value_heads), (*steps, value_heads, width))
    if tuple(decay.shape) not in forms:
        raise ValueError(
            f"decay is {list(decay.shape)}, but floating-point {meaning} = "
            f"{' or '.join(str(list(form)) for form in forms)} is needed: reshape or expand it."
        )


def require_packed(cu_seqlens: Tensor, batch: int) -> int:
    """Check the form of ``cu_seqlens`` and return S; ``kernels.values`` checks what stands in it."""
    if not isinstance(cu_seqlens, Tensor) or cu_seqlens.dtype != torch.int64:
        kind = cu_seqlens.dtype if isinstance(cu_seqlens, Tensor) else type(cu_seqlens).__name__
        raise ValueError(f"cu_seqlens is {kind}, but int64 [S + 1] is needed: convert it with .long().")
    if cu_seqlens.dim() != 1 or cu_seqlens.shape[0] < 2:
        raise ValueError(
            f"cu_seqlens has shape {list(cu_seqlens.shape)}, but [S + 1] with S >= 1 sequences is needed: give each "
            "sequence's start, and the end of the last."
        )
    if batch != 1:
        raise ValueError(
            f"cu_seqlens needs a batch of 1, but B is {batch}: lay the sequences one after another along T."
        )
    sequences: int = cu_seqlens.shape[0] - 1
    return sequences


def compute_dtype(*tensors: Tensor | None) -> torch.dtype:
    """The type to compute in: float64 if any tensor is float64, else float32, so that half types lose nothing."""
    wide = any(tensor is not None and tensor.dtype == torch.float64 for tensor in tensors)
    return torch.float64 if wide else torch.float32
