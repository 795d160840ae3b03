"""What the operators of ``kernels`` cost, for meters that see an operator from outside only.

Each operator registers a formula of its arguments' shapes. FLOPs also go to torch's own registry, so that
``torch.utils.flop_counter`` counts them. The formulas describe the chunked algorithm that runs on a CPU
(``kernels.cpu``); a GPU kernel does the same work in other places.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula


@dataclass(frozen=True)
class Work:
    """One call of an operator."""

    flops: int
    """Multiplications and additions of matrix products, triangular solves and convolutions."""
    elements: int
    """Elements written to memory, results and temporaries."""
    largest: int
    """Elements of the largest tensor written."""


Formula = Callable[..., Work]
"""Of an operator's arguments, each tensor replaced by its shape."""

formulas: dict[Any, Formula] = {}


def costs(operator: Any, formula: Formula) -> None:
    """Register what a call of ``operator``, made by ``torch.library.custom_op``, costs."""
    packet = operator._opoverload.overloadpacket
    formulas[packet] = formula

    def flops(*arguments: Any, out_shape: Any = None, **named: Any) -> int:
        return formula(*arguments, **named).flops

    register_flop_formula(packet)(flops)


def work_of(packet: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Work | None:
    """What this call costs; None for an operator that is not ours."""
    formula = formulas.get(packet)
    if formula is None:
        return None
    shapes, named_shapes = torch.utils._pytree.tree_map(_shape, (arguments, named))
    return formula(*shapes, **named_shapes)


def _shape(one: Any) -> Any:
    return tuple(one.shape) if isinstance(one, torch.Tensor) else one
