"""The least time that a device allows: bytes that must move, and products that must be made, at speeds measured here.

Williams et al., "Roofline: An Insightful Visual Performance Model" (2009). Arguments are read and results written once,
gradients too; what passes between a forward and a backward pass is left out, so no implementation gets below.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kernels.bench.cases import Case
from kernels.bench.timing import timed
from kernels.work import formulas


@dataclass(frozen=True)
class Device:
    """Speeds that large plain copies and matrix products reached on this device."""

    bytes_per_second: float
    flops_per_second: float


def measured(device: str, dtype: torch.dtype) -> Device:
    """Copy 256 MB (on a GPU 2 GB), multiply square matrices, and take the medians."""
    size = 2**25 if device == "cpu" else 2**29
    source = torch.zeros(size, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    copied = timed(lambda: target.copy_(source), device, 1.0).median
    side = 1024 if device == "cpu" else 8192
    a = torch.randn(side, side, device=device, dtype=dtype)
    product = torch.empty_like(a)
    multiplied = timed(lambda: torch.mm(a, a, out=product), device, 1.0).median
    return Device(2 * source.numel() * 4 / copied, 2 * side**3 / multiplied)


def floors(case: Case, device: Device) -> tuple[float, float]:
    """Least seconds of a forward pass, and of a forward and backward pass."""
    given = sum(_bytes(x) for x in case.tensors.values())
    result = _bytes(case.tensors.get("v", next(iter(case.tensors.values()))))
    forward, both = _flops(case)
    return (
        max((given + result) / device.bytes_per_second, forward / device.flops_per_second),
        max((3 * given + 2 * result) / device.bytes_per_second, both / device.flops_per_second),
    )


def _bytes(x: Tensor) -> int:
    return int(x.numel() * x.element_size())


def _flops(case: Case) -> tuple[int, int]:
    shapes = {name: tuple(x.shape) for name, x in case.tensors.items()}
    if not case.operator:  # softmax attention: two products, half of each masked, and five backward
        batch, heads, length, width = shapes["q"]
        forward = 2 * batch * heads * length * length * width
        return forward, forward + 5 * forward // 2
    if case.operator != "chunked":
        forward = formulas[getattr(torch.ops.archloop, case.operator)](*shapes.values()).flops
        return forward, 3 * forward
    given = [shapes.get(name) for name in ("q", "k", "v", "beta", "decay")]
    forward = formulas[torch.ops.archloop.chunked](*given, None, None).flops
    return forward, forward + formulas[torch.ops.archloop.chunked_backward](given[2], (), *given, None, None).flops
