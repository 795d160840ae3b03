"""Which implementation of an op runs in an exported package: the one in torch, on every device.

It takes the place of ``kernels.backends``, so that a package needs neither Triton nor a compiler.
"""

from typing import Any

import torch
from torch import Tensor

from kernels import cpu


def backend_for(*tensors: Tensor | None) -> str:
    """The only one that a package has."""
    return "torch"


def run(op: str, backend: str, function: str, first: Tensor, *rest: Any) -> Any:
    """Call ``function`` of an op's implementation, in the types that it chooses itself: autocast ends here."""
    with torch.autocast(first.device.type, enabled=False):
        return getattr(implementation(op, backend), function)(first, *rest)


def implementation(op: str, backend: str) -> Any:
    """The module of plain functions that runs ``op``."""
    return getattr(cpu, op)
