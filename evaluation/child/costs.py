"""What one operator costs: its FLOPs, the sizes of what it writes, and the elements that it reads.

FLOPs come from torch's own registry, extended here: that one leaves out products with vectors, forms that write in
place, and attention on a CPU. The operators of ``kernels`` bring their own formulas (``kernels.work``).
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

_OURS = ("aten", "prim", "prims")
_aten = torch.ops.aten


def flops(func: Any, args: Any, kwargs: Any, out: Any) -> int | None:
    """FLOPs of one call; None for an operator from outside of torch that has no formula."""
    packet = func.overloadpacket
    known = (table.get(one) for one in (packet, _plain(packet)) for table in (_FURTHER, flop_registry))
    formula: Any = next((one for one in known if one is not None), None)
    if formula is not None:
        return int(formula(*args, **kwargs, out_val=out))
    return 0 if func.namespace in _OURS else None


def written(func: Any, args: Any, kwargs: Any, out: Any) -> list[int]:
    """Sizes of what the operator wrote: results that are no views, and arguments changed in place."""
    sizes: list[int] = []
    if func.overloadpacket in _WRITES_NOTHING:
        return sizes
    returns = func._schema.returns
    results = out if isinstance(out, tuple) and len(returns) > 1 else (out,)
    for declared, result in zip(returns, results, strict=False):
        if declared.alias_info is None or declared.alias_info.is_write:
            for one in result if isinstance(result, list | tuple) else (result,):
                if isinstance(one, Tensor):
                    sizes.append(one.numel())
    if not returns:  # changes its arguments only
        sizes += [one.numel() for declared, one in _named(func, args, kwargs) if _is_target(declared)]
    return sizes


def read(func: Any, args: Any, kwargs: Any, sizes: list[int]) -> int:
    """Elements that the operator read, as often as a view repeats them. ``sizes`` are of what it wrote.

    Views read nothing. A lookup reads what it returns, not the table.
    """
    if not sizes:
        return 0
    found = 0
    for declared, given in _named(func, args, kwargs):
        if declared.is_out or (_is_target(declared) and func.overloadpacket in _OVERWRITING):
            continue
        for one in tree_leaves(given):
            if isinstance(one, Tensor):
                found += min(one.numel(), sum(sizes)) if func.overloadpacket in _LOOKUPS else one.numel()
    return found


def _named(func: Any, args: Any, kwargs: Any) -> list[tuple[Any, Any]]:
    declared = func._schema.arguments
    return [*zip(declared, args, strict=False), *((one, kwargs[one.name]) for one in declared if one.name in kwargs)]


def _is_target(declared: Any) -> bool:
    return declared.alias_info is not None and bool(declared.alias_info.is_write)


def _plain(packet: Any) -> Any:
    """The operator that returns what ``packet`` writes in place: addmm for addmm_."""
    name = packet.__name__
    return getattr(_aten, name[:-1], None) if name.endswith("_") and not name.endswith("__") else None


_WRITES_NOTHING = {
    _aten._unsafe_view, _aten.empty, _aten.empty_like, _aten.empty_strided, _aten.new_empty, _aten.new_empty_strided,
}  # fmt: skip
_LOOKUPS = {_aten.index, _aten.index_select, _aten.gather, _aten.embedding, _aten.take}
_OVERWRITING = {
    _aten.copy_, _aten.fill_, _aten.zero_, _aten.index_put_, _aten._index_put_impl_, _aten.index_copy_,
    _aten.index_fill_, _aten.scatter_, _aten.scatter_add_, _aten.index_add_, _aten.index_reduce_, _aten.scatter_reduce_,
}  # fmt: skip


def _with_vector(x: Tensor, vector: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(2 * x.numel())


def _added_with_vector(added: Tensor, matrix: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(2 * matrix.numel())


def _added_products(added: Tensor, first: Tensor, second: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(2 * first.numel() * second.shape[-1])


def _triangular_solve(matrix: Tensor, right: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(kwargs["out_val"].numel() * matrix.shape[-1])


def _attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))


def _attention_backward(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> int:
    return int(sdpa_backward_flop_count(grad.shape, query.shape, key.shape, value.shape))


_FURTHER = {
    _aten.mv: _with_vector,
    _aten.addmv: _added_with_vector,
    _aten.dot: _with_vector,
    _aten.vdot: _with_vector,
    _aten.addbmm: _added_products,
    _aten.linalg_solve_triangular: _triangular_solve,
    _aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
