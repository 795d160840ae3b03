"""The same computations by flash-linear-attention (fla), where it is installed: ``pip install fla-core``.

Its kernels need a GPU. On a CPU it offers definitions in plain torch, one step after another, which it calls naive.
"""

import importlib
from collections.abc import Callable
from typing import Any

from torch import Tensor

Op = Callable[..., Tensor]


def version() -> str | None:
    """fla's version, or None where it is not installed."""
    try:
        return str(importlib.import_module("fla").__version__)
    except ImportError:
        return None


def fla(name: str, device: str) -> Op | None:
    """fla's op of this name as a function of our arguments that returns its output; None if there is none."""
    if version() is None:
        return None
    chosen = (_ON_GPU if device == "cuda" else _NAIVE).get(name)
    if chosen is None:
        return None
    module, function, call = chosen
    try:
        op = getattr(importlib.import_module(f"fla.ops.{module}"), function)
    except (ImportError, AttributeError):
        return None
    return lambda **tensors: call(op, **tensors)


def _heads_first(op: Any, q: Tensor, k: Tensor, v: Tensor, beta: Tensor) -> Tensor:
    o: Tensor = op(*(x.transpose(1, 2) for x in (q, k, v, beta)))[0]
    return o


_NAIVE: dict[str, tuple[str, str, Callable[..., Tensor]]] = {
    "linear attention": ("linear_attn.naive", "naive_recurrent_linear_attn", lambda op, q, k, v: op(q, k, v)[0]),
    "Mamba-2, RetNet": (
        "simple_gla.naive",
        "naive_recurrent_simple_gla",
        lambda op, q, k, v, decay: op(q, k, v, decay)[0],
    ),
    "GLA": ("gla.naive", "naive_recurrent_gla", lambda op, q, k, v, decay: op(q, k, v, decay)[0]),
    "DeltaNet": ("delta_rule.naive", "delta_rule_recurrence", _heads_first),
    "Gated DeltaNet": (
        "gated_delta_rule.naive",
        "naive_recurrent_gated_delta_rule",
        lambda op, q, k, v, beta, decay: op(q, k, v, beta, decay)[0],
    ),
    "KDA": ("kda.naive", "naive_recurrent_kda", lambda op, q, k, v, beta, decay: op(q, k, v, decay, beta)[0]),
    "linear_scan": ("hgrn.naive", "naive_recurrent_hgrn", lambda op, a, b: op(b, a.log())[0]),
}
_ON_GPU: dict[str, tuple[str, str, Callable[..., Tensor]]] = {
    "linear attention": ("linear_attn", "chunk_linear_attn", lambda op, q, k, v: op(q, k, v, normalize=False)[0]),
    "Mamba-2, RetNet": ("simple_gla", "chunk_simple_gla", lambda op, q, k, v, decay: op(q, k, v, decay)[0]),
    "GLA": ("gla", "chunk_gla", lambda op, q, k, v, decay: op(q, k, v, decay)[0]),
    "DeltaNet": ("delta_rule", "chunk_delta_rule", lambda op, q, k, v, beta: op(q, k, v, beta)[0]),
    "Gated DeltaNet": (
        "gated_delta_rule",
        "chunk_gated_delta_rule",
        lambda op, q, k, v, beta, decay: op(q, k, v, decay, beta)[0],
    ),
    "KDA": ("kda", "chunk_kda", lambda op, q, k, v, beta, decay: op(q, k, v, decay, beta)[0]),
    "linear_scan": ("hgrn", "chunk_hgrn", lambda op, a, b: op(b, a.log())[0]),
}
