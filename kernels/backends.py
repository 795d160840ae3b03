"""Which implementation of an op runs: chosen by the device of its arguments, or forced.

``recurrence``: the definition in float64, one step after another (``kernels.recurrence``). ``torch``: chunked, on any
device, in float64 too (``kernels.cpu``). ``triton``: GPU kernels (``kernels.gpu``), or their interpreter where
TRITON_INTERPRET=1 was set before triton was first imported.
"""

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from kernels import cpu

Backend = Literal["recurrence", "torch", "triton"]
_HAS_TRITON = importlib.util.find_spec("triton") is not None


def _known(name: str, where: str) -> Backend:
    accepted: tuple[Backend, ...] = get_args(Backend)
    for known in accepted:
        if name == known:
            return known
    raise ValueError(f"{where} is {name!r}, but {', '.join(accepted)} are accepted: choose one or none.")


_named = os.environ.get("ARCHLOOP_KERNELS")
_forced: Backend | None = _known(_named, "ARCHLOOP_KERNELS") if _named else None


@contextmanager
def use_backend(backend: Backend) -> Iterator[None]:
    """Force every op inside to one implementation, for tests and comparisons. ValueError if there is no such one."""
    global _forced
    _forced, before = _known(backend, "backend"), _forced
    try:
        yield
    finally:
        _forced = before


def backend_for(*tensors: Tensor | None) -> Backend:
    """What runs an op on these arguments: as forced, by ``use_backend`` or ARCHLOOP_KERNELS, else by device and type.

    Triton on CUDA devices, except in float64, where exactness is wanted and speed is not; torch elsewhere.
    ValueError where Triton is forced and cannot do it.
    """
    given = [x for x in tensors if x is not None]
    wide = any(x.dtype == torch.float64 for x in given)
    if _forced == "triton" and wide:
        raise ValueError("Triton's kernels do not compute in float64: force the torch backend, or give float32.")
    if _forced == "triton" and not _HAS_TRITON:
        raise ValueError("Triton is forced but not installed: install it, or force the torch backend.")
    if _forced is not None:
        return _forced
    return "triton" if _HAS_TRITON and given[0].is_cuda and not wide else "torch"


def run(op: str, backend: str, function: str, first: Tensor, *rest: Any) -> Any:
    """Call ``function`` of an op's implementation, in the types that it chooses itself: autocast ends here."""
    with torch.autocast(first.device.type, enabled=False):
        return getattr(implementation(op, backend), function)(first, *rest)


def implementation(op: str, backend: str) -> Any:
    """The module of plain functions that runs ``op``, one of the files in ``kernels/cpu`` and ``kernels/gpu``.

    Triton's are imported only here, when first used: not every machine has triton. The others are there from the start:
    a jailed process that has to import them later may not be able to.
    """
    return importlib.import_module(f"kernels.gpu.{op}") if backend == "triton" else getattr(cpu, op)
