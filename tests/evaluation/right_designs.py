"""Pieces of ordinary research code, each a file that the gate must let pass and that runs as it stands."""

HEAD = """from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import torch
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor

"""

_BODIES: dict[str, str] = {
    "custom gradient": """
class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor, ctx.dim, ctx.dtype = factor, x.dim(), x.dtype
        ctx.mark_non_differentiable()
        return x * factor

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * ctx.factor if ctx.needs_input_grad[0] else None, None

Scale.apply(torch.ones(2, requires_grad=True), 2.0).sum().backward()
""",
    "compiled with its defaults": "@torch.compile\ndef f(x: Tensor) -> Tensor:\n    return x * 2\n",
    "compiled with options": (
        "@torch.compile(dynamic=True, fullgraph=False)\ndef f(x):\n    return x\n"
        "g = torch.compile(lambda x: x, backend='inductor')\n"
    ),
    "not compiled": "@torch.compiler.disable\ndef f(x):\n    return x\nassert not torch.compiler.is_compiling()\n",
    "checkpointed": (
        "from torch.utils.checkpoint import checkpoint\n"
        "checkpoint(lambda x: x * 2, torch.ones(1, requires_grad=True), use_reentrant=False)\n"
    ),
    "configuration class": """
class Config:
    def __init__(self, width: int = 64, act: str = "silu", **options: Any) -> None:
        self.width, self.act = width, act
        for name, value in options.items():
            if name in ("eps", "scale"):
                self.extra = (name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.width}, {self.act!r})"

    def __len__(self) -> int:
        return self.width

assert repr(Config()) == "Config(64, 'silu')"
""",
    "named tuple": (
        "class State(NamedTuple):\n    s: Tensor\n    step: int = 0\nState(torch.ones(1))._replace(step=1)\n"
    ),
    "math": "assert math.isclose(math.sqrt(math.pi) ** 2, math.pi)\nx = math.log2(8) + math.inf\n",
    "einops": "y = repeat(rearrange(torch.ones(2, 3, 4), 'b l (h d) -> b h l d', h=2), 'b h l d -> b (h 2) l d')\n",
    "einops layers": ("from einops.layers.torch import Rearrange\nnet = nn.Sequential(Rearrange('b l d -> b d l'))\n"),
    "functional under nn": (
        "from torch.nn import functional as G\nassert G.silu is F.silu\nnn.functional.gelu(torch.ones(1))\n"
    ),
    "convolution by fft": """
def long_conv(x: Tensor, k: Tensor) -> Tensor:
    n = 2 * x.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(k, n=n), n=n)[..., : x.shape[-1]]

long_conv(torch.ones(1, 8), torch.ones(8))
""",
    "linear algebra": (
        "torch.linalg.solve_triangular(torch.eye(3), torch.ones(3, 1), upper=False)\ntorch.linalg.norm(torch.ones(2))\n"
    ),
    "parameters without decay": """
class Decay(nn.Module):
    def __init__(self, heads: int) -> None:
        super(Decay, self).__init__()
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.A_log._no_weight_decay = True
        self.register_buffer("mask", torch.ones(heads), persistent=False)
        self.register_parameter("bias", None)
        with torch.no_grad():
            self.A_log.data.mul_(0.5)
        nn.init.xavier_uniform_(nn.Linear(2, 2).weight, gain=nn.init.calculate_gain("relu"))

Decay(2)
""",
    "activations by name": """
ACT: Dict[str, Callable[[Tensor], Tensor]] = {"silu": F.silu, "gelu": nn.GELU(), "relu2": lambda x: F.relu(x) ** 2}
norm_class = nn.LayerNorm
y = ACT["silu"](norm_class(4)(torch.ones(2, 4)))
""",
    "layers by number": """
class Branches(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        for i in range(n):
            setattr(self, f"conv_{i}", nn.Conv1d(4, 4, 2 * i + 1, groups=4))
            setattr(self, "proj_%d" % i, nn.Linear(4, 4))
        for name in "qk":
            setattr(self, f"{name}_proj", nn.Linear(4, 4))

    def forward(self, x):
        first = getattr(self, "proj_" + str(0))
        ends = [getattr(self, f"{name}_proj").bias.sum() for name in "qk"]
        return sum(getattr(self, f"conv_{i}")(x).sum() for i in range(self.n)) + first.bias.sum() + sum(ends)

Branches(2)(torch.ones(1, 4, 8))
""",
    "optional attribute": (
        "x = getattr(nn.Linear(1, 1), 'bias', None)\nassert hasattr(F, 'scaled_dot_product_attention')\n"
    ),
    "own classes everywhere": """
class Base(nn.Module):
    registry: Dict[str, Any] = {}

    def __init__(self, kind: type = nn.Linear) -> None:
        super().__init__()
        self.inner = kind(2, 2)

class Child(Base):
    extra = 1

Child.extra = 2
Base.registry["child"] = Child
assert isinstance(Child(), (Base, nn.Module)) and issubclass(Child, Base)
""",
    "types in annotations": """
Pair = Tuple[Tensor, Optional[torch.Tensor]]

def f(x: torch.Tensor | None, m: "nn.Module", *rest: Union[int, torch.dtype], k: List[torch.Tensor] = []) -> Pair:
    assert x is None or isinstance(x, torch.Tensor)
    return torch.zeros(1), x

f(None, nn.ReLU())
""",
    "matched": """
def pick(mode, x):
    match mode:
        case "sum" | "mean":
            return x.sum()
        case ("scale", float(s)):
            return x * s
        case nn.Linear(in_features=n):
            return n
        case _:
            return x

assert pick(nn.Linear(3, 1), 0) == 3
""",
    "guards": """
try:
    from torch.nn import RMSNorm as Norm
except ImportError:
    Norm = nn.LayerNorm
if TYPE_CHECKING:
    from torch import Size
if torch.cuda.is_available() and torch.cuda.is_bf16_supported():
    half = torch.bfloat16
def f(x):
    if x.dim() != 3:
        raise ValueError("expected [B, T, D], got {} dimensions: {!r}".format(x.dim(), tuple(x.shape)))
f(torch.ones(1, 1, 1))
""",
    "mixed precision": """
x = torch.ones(2, 2)
with torch.autocast(device_type="cpu", dtype=torch.bfloat16), torch.no_grad():
    y = x @ x
with torch.autocast(x.device.type, enabled=False):
    assert torch.finfo(x.dtype).eps > 0 and torch.is_grad_enabled()
""",
    "numbers out of tensors": (
        "n = int(torch.tensor(3).item())\nm: List[int] = torch.arange(3).tolist()\nk = float(torch.ones(1))\n"
    ),
    "associative scan by hand": """
def scan(a: Tensor, b: Tensor) -> Tensor:
    step = 1
    while step < a.shape[1]:
        earlier_a, earlier_b = F.pad(a, (0, 0, step, 0))[:, :-step], F.pad(b, (0, 0, step, 0))[:, :-step]
        a, b = a * earlier_a, b + a * earlier_b
        step *= 2
    return b

scan(torch.rand(1, 8, 2), torch.ones(1, 8, 2))
""",
    "maps and lambdas": (
        "q, k = map(lambda t: rearrange(t, 'b (n c) d -> b n c d', c=2), (torch.ones(1, 4, 3), torch.ones(1, 4, 3)))\n"
        "best = max(range(4), key=lambda i: -i)\nrows = [[i * j for j in range(3)] for i in range(2) if i]\n"
    ),
    "weight norm": (
        "from torch.nn.utils.parametrizations import weight_norm\n"
        "layer = weight_norm(nn.Linear(2, 2))\nassert nn.utils.parametrize.is_parametrized(layer)\n"
    ),
    "functional transforms": "g = torch.func.vmap(torch.func.grad(lambda x: (x**2).sum()))(torch.ones(3, 2))\n",
    "inner gradient": (
        "w = torch.ones(2, requires_grad=True)\n(g,) = torch.autograd.grad((w**2).sum(), w, create_graph=True)\n"
    ),
    "hook on its own gradient": "w = nn.Parameter(torch.ones(1))\nw.register_hook(lambda g: g * 0.1)\n",
    "kernels": "from kernels import chunk_linear\nimport kernels\nassert kernels.chunk_linear is chunk_linear\n",
    "constants for script": "class M(nn.Module):\n    __constants__ = ['n']\n    n: int = 1\n__all__ = ['M']\n",
    "names that builtins also have": (
        "def f(input: Tensor, vars: int = 1) -> Tensor:\n    filter, compile = input * vars, 2\n"
        "    return filter * compile\nf(torch.ones(1))\n"
    ),
    "class name in a text": (
        "class M(nn.Module):\n    def extra_repr(self):\n        return self.__class__.__name__\n"
        "print(M().extra_repr(), type(M()).__name__, torch.__version__)\nassert type(M()) is M\n"
    ),
    "run by hand": "if __name__ == '__main__':\n    print(torch.randn(2, 3).shape)\n",
    "own generator": "g = torch.Generator().manual_seed(0)\nx = torch.randn(3, generator=g)\n",
    "distributions": "d = torch.distributions.Normal(0.0, 1.0)\nx = d.log_prob(torch.zeros(1))\n",
    "names for real modules": "L = torch.linalg\nact = torch.sigmoid\nx = L.norm(act(torch.ones(2)))\n",
    "cached per length": """
class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self._cache: Dict[int, Tensor] = {}
        self.__private = 1

    def forward(self, x: Tensor) -> Tensor:
        if (n := x.shape[1]) not in self._cache:
            self._cache[n] = torch.arange(n)
        del x
        return self._cache[n] + self.__private

Positions()(torch.ones(1, 3))
""",
}
RIGHT = {name: HEAD + body for name, body in _BODIES.items()}
