"""What is timed: each op with its arguments at a shape, and the same computation by others."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

import kernels
from kernels.bench import peers

Op = Callable[..., Tensor]


@dataclass(frozen=True)
class Shape:
    """B sequences of T steps, H heads of D channels; the model's width is H * D."""

    batch: int
    length: int
    heads: int
    width: int

    @property
    def tokens(self) -> int:
        return self.batch * self.length

    def __str__(self) -> str:
        return f"B{self.batch} T{self.length} H{self.heads} D{self.width}"


@dataclass(frozen=True)
class Case:
    """One op at one shape. ``ours`` and ``theirs`` take ``tensors`` by name and return one tensor."""

    name: str
    shape: Shape
    tensors: dict[str, Tensor]
    ours: Op
    theirs: Op | None
    """fla's: its GPU kernel on a GPU; on a CPU its plain torch definition, at lengths up to 2,048. None without it."""
    operator: str
    """The torch operator that does the work, by which ``kernels.work`` knows its cost; empty for attention."""

    @property
    def mixes(self) -> bool:
        """Softmax attention can stand in its place."""
        return self.operator == "chunked"

    @property
    def compared(self) -> bool:
        """Something else is timed beside it."""
        return self.mixes or self.theirs is not None


ATTENTION = "softmax attention"
LONGEST_NAIVE = 2048

SEARCH = (Shape(8, 256, 2, 64), Shape(4, 512, 4, 64), Shape(2, 1024, 4, 64), Shape(1, 2048, 8, 64))
LARGE = {
    "cpu": (Shape(1, 4096, 2, 128), Shape(1, 16384, 1, 128)),
    "cuda": (Shape(8, 4096, 16, 128), Shape(2, 16384, 16, 128), Shape(1, 32768, 16, 128)),
}
WIDER = {"cpu": 1, "cuda": 16}  # batches that fill the device at search shapes


def search_shapes(device: str) -> tuple[Shape, ...]:
    """T 256 to 2,048 and model widths 128 to 512, as architectures are searched."""
    return tuple(Shape(one.batch * WIDER[device], one.length, one.heads, one.width) for one in SEARCH)


def cases(shape: Shape, device: str, dtype: torch.dtype) -> list[Case]:
    """All ops at a shape, on random unit keys, with tensors that need gradients."""
    steps, heads, width = (shape.batch, shape.length), shape.heads, shape.width
    generator = torch.Generator(device).manual_seed(0)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, device=device).to(dtype)

    def unit() -> Tensor:
        return F.normalize(normal(*steps, heads, width), dim=-1)

    q, k, v = unit(), unit(), normal(*steps, heads, width)
    beta = normal(*steps, heads).sigmoid()
    a_head, a_channel = F.logsigmoid(normal(*steps, heads) + 3), F.logsigmoid(normal(*steps, heads, width) + 3)
    x, gate = normal(*steps, heads * width), normal(*steps, heads * width)
    taps, gain = normal(heads * width, 4), normal(heads * width)
    qkv = {"q": q, "k": k, "v": v}
    rows: list[tuple[str, str, Op, dict[str, Tensor]]] = [
        ("linear attention", "chunked", _linear, qkv),
        ("Mamba-2, RetNet", "chunked", _linear, qkv | {"decay": a_head}),
        ("GLA", "chunked", _linear, qkv | {"decay": a_channel}),
        ("DeltaNet", "chunked", _delta, qkv | {"beta": beta}),
        ("Gated DeltaNet", "chunked", _delta, qkv | {"beta": beta, "decay": a_head}),
        ("KDA", "chunked", _delta, qkv | {"beta": beta, "decay": a_channel}),
        ("linear_scan", "linear_scan", kernels.linear_scan, {"a": x.sigmoid(), "b": x}),
        ("short_conv", "short_conv", kernels.short_conv, {"x": x, "weight": taps}),
        ("rms_norm_gate", "rms_norm_gate", kernels.rms_norm_gate, {"x": x, "weight": gain, "gate": gate}),
        ("l2_norm", "l2_norm", kernels.l2_norm, {"x": normal(*steps, heads, width)}),
    ]
    peer = device == "cuda" or shape.length <= LONGEST_NAIVE
    return [
        Case(name, shape, _leaves(tensors), ours, peers.fla(name, device) if peer else None, operator)
        for name, operator, ours, tensors in rows
    ]


def _linear(**tensors: Tensor) -> Tensor:
    return kernels.chunk_linear(**tensors)[0]


def _delta(**tensors: Tensor) -> Tensor:
    return kernels.chunk_delta(**tensors)[0]


def _leaves(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: x.detach().clone().requires_grad_() for name, x in tensors.items()}


def attention(shape: Shape, device: str, dtype: torch.dtype) -> Case:
    """Causal softmax attention by torch: flash attention on a GPU."""
    size = (shape.batch, shape.heads, shape.length, shape.width)
    tensors = {name: torch.randn(size, device=device).to(dtype).requires_grad_() for name in ("q", "k", "v")}

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        o: Tensor = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return o

    return Case(ATTENTION, shape, tensors, attend, None, "")
