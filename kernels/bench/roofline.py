"""What an op would take if nothing but its arguments, results and products cost time, at speeds measured here.

Williams et al., "Roofline: An Insightful Visual Performance Model" (2009). Arguments are read and results written once,
gradients too; what passes between a forward and a backward pass is left out. The products are those that
``kernels.work`` knows, of our algorithm with a CPU's chunks. So this is a yardstick and no bound: another algorithm or
chunk size needs fewer products, caches are faster than the memory measured here, and products can be faster than ours.
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


def measured(device: str, dtype: torch.dtype, budget: float) -> Device:
    """Copies of a tensor that no cache holds, and products of square matrices; ``budget`` seconds each."""
    size = 2**25 if device == "cpu" else 2**29  # elements: 128 MiB, and 2 GiB
    source = torch.zeros(size, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    copied = timed(lambda: target.copy_(source), device, budget).median
    side = 1024 if device == "cpu" else 8192
    a = torch.randn(side, side, device=device, dtype=dtype)
    product = torch.empty_like(a)
    multiplied = timed(lambda: torch.mm(a, a, out=product), device, budget).median
    return Device(2 * source.numel() * 4 / copied, 2 * side**3 / multiplied)


def rooflines(case: Case, device: Device) -> tuple[float, float]:
    """Seconds of a forward pass, and of a forward and backward pass."""
    given = sum(_bytes(x) for x in case.tensors.values())
    result = _bytes(_like_output(case))
    forward, both = _flops(case)
    return (
        max((given + result) / device.bytes_per_second, forward / device.flops_per_second),
        max((3 * given + 2 * result) / device.bytes_per_second, both / device.flops_per_second),
    )


def _like_output(case: Case) -> Tensor:
    return case.tensors.get("v", next(iter(case.tensors.values())))


def _bytes(x: Tensor) -> int:
    return int(x.numel() * x.element_size())


def _flops(case: Case) -> tuple[int, int]:
    shapes = {name: tuple(x.shape) for name, x in case.tensors.items()}
    if not case.operator:  # softmax attention: two products, half of each masked, and five backward
        batch, heads, length, width = shapes["q"]
        forward = 2 * batch * heads * length * length * width
        return forward, forward + 5 * forward // 2
    given: list[tuple[int, ...] | None] = list(shapes.values())
    gradients: list[tuple[int, ...] | None] = [tuple(_like_output(case).shape)]
    if case.operator == "chunked":
        given = [*map(shapes.get, ("q", "k", "v", "beta", "decay")), None, None]  # no initial state, nothing packed
        gradients.append(None)  # nothing in the final state
    ops = torch.ops.archloop
    forward = formulas[getattr(ops, case.operator)](*given).flops
    return forward, forward + formulas[getattr(ops, f"{case.operator}_backward")](*gradients, *given).flops
