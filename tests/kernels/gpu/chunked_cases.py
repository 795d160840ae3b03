"""Which launches of the chunked kernels are compiled ahead of time: recorded from calls on tensors without data."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from kernels.gpu import chunked
from tests.kernels.ahead_of_time import Case

KERNELS = tuple(f"{name}_kernel" for name in ("pairs", "state_pass", "reverse_pass", "gradients", "fused_pass"))
TYPES = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float16: "*fp16", torch.int64: "*i64"}
SHORT, LONG = 40, 1000
SPILLING = {
    "state_pass forward bf16 D 128 delta channel": 56,
    "state_pass forward bf16 D 128 delta channel, one chunk": 296,
    "state_pass forward fp16 D 128 delta channel": 56,
    "fused_pass backward fp32 D 64 delta head, many heads": 1048,
    "fused_pass backward fp32 D 64 delta channel, many heads": 792,
    "fused_pass backward fp32 D 128 delta head, many heads": 3552,
    "fused_pass backward fp32 D 128 delta channel, many heads": 3024,
    "state_pass forward fp32 D 64 delta head": 24,
    "reverse_pass backward fp32 D 64 delta head": 16,
    "gradients backward fp32 D 64 delta head": 848,
    "state_pass forward fp32 D 64 delta channel": 24,
    "reverse_pass backward fp32 D 64 delta channel": 32,
    "gradients backward fp32 D 64 delta channel": 656,
    "state_pass forward fp32 D 128 delta head": 504,
    "state_pass backward fp32 D 128 delta head": 88,
    "reverse_pass backward fp32 D 128 delta head": 736,
    "gradients backward fp32 D 128 delta head": 9184,
    "state_pass forward fp32 D 128 delta channel": 856,
    "state_pass backward fp32 D 128 delta channel": 360,
    "reverse_pass backward fp32 D 128 delta channel": 720,
    "gradients backward fp32 D 128 delta channel": 3976,
}
"""Bytes a thread that kernels spill with Triton 3.9; all others none."""


class _Recorder:
    """Stands for a kernel, and notes what it would be launched with."""

    def __init__(self, kernel: Any, direction: str, form: str, into: list[Case]) -> None:
        self.kernel, self.direction, self.form, self.into = kernel, direction, form, into

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        return self._launch

    def _launch(
        self, *arguments: Any, num_warps: int, num_stages: int, enable_fp_fusion: bool, **constants: Any
    ) -> None:
        signature: dict[str, str] = {}
        for name, value in zip(self.kernel.arg_names, arguments, strict=False):
            if value is None:
                constants[name] = None
            elif isinstance(value, Tensor):
                signature[name] = TYPES[value.dtype]
            else:
                signature[name] = "i32" if isinstance(value, int) else "fp32"
        name = f"{self.kernel.__name__.removesuffix('_kernel')} {self.direction} {self.form}"
        self.into.append(Case(name, self.kernel, signature, constants, num_warps, num_stages))


def record(
    dtype: torch.dtype, width: int, delta: bool, form: str, length: int = LONG, batch: int = 1, packed: bool = False
) -> list[Case]:
    """The launches of a forward and a backward pass: ``batch`` sequences of 8 heads, with initial states."""

    def empty(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=kind, device="meta")

    heads = 8
    q, k, v = (empty(batch, length, heads, width, kind=dtype) for _ in range(3))
    beta = empty(batch, length, heads) if delta else None
    shapes = {"none": None, "head": (batch, length, heads), "channel": (batch, length, heads, width)}
    shape = shapes[form]
    decay = None if shape is None else empty(*shape)
    cu_seqlens = empty(batch + 1, kind=torch.int64) if packed else None
    state = empty(batch, heads, width, width)
    marks = f"{', one chunk' * (length == SHORT)}{', many heads' * (batch > 1)}{', packed' * packed}"
    name = f"{TYPES[dtype][1:]} D {width} {'delta' if delta else 'linear'} {form}{marks}"
    cases: list[Case] = []
    for direction in ("forward", "backward"):
        recorders = {kernel: _Recorder(getattr(chunked, kernel), direction, name, cases) for kernel in KERNELS}
        with patch.multiple(chunked, **recorders):
            if direction == "forward":
                o, final, saved = chunked.forward(q, k, v, beta, decay, 1.0, state, cu_seqlens)
            else:
                chunked.backward(o, final, q, k, v, beta, decay, 1.0, state, cu_seqlens, saved)
    return cases


def _allowed(case: Case) -> Case:
    return replace(case, allowed_spill=SPILLING.get(case.name, 0))


def _fused(case: Case) -> bool:
    return case.name.startswith("fused_pass")


FORMS = [(delta, form) for delta in (False, True) for form in ("none", "head", "channel")]
BFLOAT16 = [
    case
    for width in (64, 128)
    for delta, form in FORMS
    for length, batch in ((LONG, 1), (LONG, 64), (SHORT, 1))
    for case in record(torch.bfloat16, width, delta, form, length, batch)
]
PACKED = [
    case
    for form in ("none", "head", "channel")
    for batch in (1, 64)
    for case in record(torch.bfloat16, 64, True, form, batch=batch, packed=True)
    if batch == 1 or _fused(case)
]
OTHERS = [
    case
    for dtype in (torch.float16, torch.float32)
    for width in (64, 128)
    for form in ("head", "channel")
    for batch in (1, 64)
    for case in record(dtype, width, True, form, batch=batch)
    if batch == 1 or _fused(case)
]
CASES = list(
    {
        (
            case.kernel.__name__,
            *sorted(case.signature.items()),
            *map(str, sorted(case.constants.items())),
            case.num_warps,
        ): _allowed(case)
        for case in reversed(BFLOAT16 + PACKED + OTHERS)
    }.values()
)[::-1]
"""Without those that differ in nothing but the name."""
