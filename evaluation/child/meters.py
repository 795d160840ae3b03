"""Counts the work of a layer, operator by operator as torch dispatches them, forward and backward.

Five meters, since each alone is blind to something: FLOPs (matrix products and convolutions; elementwise work costs
none), elements written (a filter as long as the input writes few) and read (a mean of all that came before writes
little), the largest tensor, and lines of the design's own Python (work on plain numbers). Views cost nothing, but are
read as large as they are, overlaps and repeats included. An operator from outside of torch's own library counts by the
formula that ``kernels.work`` has for it; without one it is refused.
"""

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from evaluation.child import costs
from evaluation.child.layer import Layers
from kernels.work import work_of


def measure(layers: Layers, inputs: Mapping[str, Tensor]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Counts per input [1, T, D], float32, train mode.

    Returns int64 arrays (FLOPs, elements written, elements read, largest tensor, lines: forward, then the same five
    backward), and the operators that could not be counted.
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
        self.flops = self.written = self.read = self.largest = self.lines = 0
        self.uncounted: set[str] = set()

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """FLOPs, elements written, elements read, elements of the largest tensor written, lines of Python."""
        return self.flops, self.written, self.read, self.largest, self.lines

    def __enter__(self) -> Any:
        self.tracer_before = sys.gettrace()
        if self.module:
            sys.settrace(self._enter_frame)
        return super().__enter__()

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        sys.settrace(self.tracer_before)

    def _enter_frame(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._count_line if frame.f_globals.get("__name__") == self.module else None

    def _count_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        return self._count_line

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        sizes = costs.written(func, args, kwargs, out)
        self.read += costs.read(func, args, kwargs, sizes)
        ours = work_of(func.overloadpacket, args, kwargs)
        if ours is not None:
            self.flops += ours.flops
            self.written += ours.elements
            self.largest = max(self.largest, ours.largest)
            return out
        flops = costs.flops(func, args, kwargs, out)
        if flops is None:
            self.uncounted.add(str(func))
        self.flops += flops or 0
        self.written += sum(sizes)
        self.largest = max(self.largest, *sizes, 0)
        return out
