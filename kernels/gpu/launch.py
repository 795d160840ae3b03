"""How every kernel is started: on its tensors' device, and with types that Triton's interpreter can read."""

from typing import Any

import torch
import triton
from torch import Tensor

INTERPRETING = bool(triton.knobs.runtime.interpret)
"""Whether kernels run in Triton's interpreter (TRITON_INTERPRET=1 when triton was imported)."""


def readable(x: Tensor) -> Tensor:
    """x, but in float32 where the interpreter would take a bfloat16 tensor's bits for integers."""
    return x.float() if INTERPRETING and x.dtype == torch.bfloat16 else x


def launch(kernel: Any, grid: int | tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Run a kernel's instances. The first argument is a tensor, on whose device they run.

    Of a grid only the first axis takes more than 65,535 instances.
    """
    with torch.cuda.device_of(arguments[0]):
        # Fused multiply-adds are Triton's default up to 3.9, and from 3.10 on they have to be asked for.
        kernel[grid if isinstance(grid, tuple) else (grid,)](*arguments, enable_fp_fusion=True, **options)
