"""Counts the work of a layer, operator by operator as torch dispatches them, forward and backward.

Four meters, since each alone is blind to something: FLOPs (matrix products and convolutions; elementwise work costs
none), elements written (a filter as long as the input writes few), the largest tensor, and lines of the design's own
Python (work on plain numbers). Views cost nothing, but what is read through a view that is larger than its storage, as
windows that overlap are, counts as written. An operator from outside of torch's own library counts only with a formula
registered in ``torch.utils.flop_counter``.
"""

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from evaluation.child.layer import Layers

_OURS = ("aten", "prim", "prims")


def measure(layers: Layers, inputs: Mapping[str, Tensor]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Counts per input [1, T, D], float32, train mode.

    Returns int64 arrays (FLOPs, elements written, largest tensor, lines: forward, then the same four backward), and
    the operators that could not be counted.
    """
    counts: dict[str, np.ndarray] = {}
    uncounted: set[str] = set()
    for name, x in inputs.items():
        layer = layers.fresh("init", torch.float32).train()
        torch.manual_seed(0)
        x = x.requires_grad_()
        module = layers.candidate.__module__
        with Meter(module) as forward:
            y = layer(x)
        with Meter(module) as backward:
            if y.requires_grad:
                torch.autograd.backward(y, torch.ones_like(y))
        counts[name] = np.array([*forward.counts, *backward.counts], dtype=np.int64)
        uncounted |= forward.uncounted | backward.uncounted
    return counts, tuple(sorted(uncounted))


class Meter(TorchDispatchMode):
    """Adds up the work of every operator that runs inside, and the lines that code of ``module`` executes."""

    def __init__(self, module: str = "") -> None:
        super().__init__()
        self.module = module
        self.flops = self.elements = self.largest = self.lines = 0
        self.uncounted: set[str] = set()

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """FLOPs, elements written, elements of the largest tensor written, lines of Python."""
        return self.flops, self.elements, self.largest, self.lines

    def __enter__(self) -> Any:
        sys.settrace(self._enter_frame)
        return super().__enter__()

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        sys.settrace(None)

    def _enter_frame(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._count_line if frame.f_globals.get("__name__") == self.module else None

    def _count_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        return self._count_line

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        formula: Any = flop_registry.get(func.overloadpacket) or _SDPA.get(func.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=out)
        elif func.namespace not in _OURS:
            self.uncounted.add(str(func))
        for size in _written(func, args, kwargs, out):
            self.elements += size
            self.largest = max(self.largest, size)
        return out


def _written(func: Any, args: Any, kwargs: Any, out: Any) -> list[int]:
    """Sizes of what the operator wrote: results that are no views, arguments changed in place, overlapping reads."""
    sizes = [one.numel() for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor) and _overlaps(one)]
    returns = func._schema.returns
    results = out if isinstance(out, tuple) and len(returns) > 1 else (out,)
    for declared, result in zip(returns, results, strict=False):
        if declared.alias_info is None or declared.alias_info.is_write:
            for one in result if isinstance(result, list | tuple) else (result,):
                if isinstance(one, Tensor):
                    sizes.append(one.numel())
    if not returns:  # changes its arguments only
        given = [*args, *kwargs.values()]
        for declared, one in zip(func._schema.arguments, given, strict=False):
            if declared.alias_info is not None and declared.alias_info.is_write and isinstance(one, Tensor):
                sizes.append(one.numel())
    return sizes


def _overlaps(tensor: Tensor) -> bool:
    return bool(tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes())


def _attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))


def _attention_backward(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(sdpa_backward_flop_count(grad.shape, query.shape, key.shape, value.shape))


# Attention on a CPU, which torch's own registry leaves out.
_SDPA = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
