"""Triton's chunk_linear and chunk_delta beside their definitions: what to draw, run and compare.

Packed sequences are checked against the definition of each sequence by itself.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.cpu.decay import FLOOR
from kernels.gpu import chunked
from kernels.recurrence import delta_recurrence, linear_recurrence
from tests.kernels.gpu import agreement
from tests.kernels.gpu.agreement import TOLERANCES, doubles

FORMS = ("none", "head", "channel")
SCALE = 0.3
NAMES = ("q", "k", "v", "beta", "decay", "initial_state")


def draw(
    delta: bool, form: str, dtype: torch.dtype, device: str, length: int, batch: int = 1, heads: int = 1,
    groups: int = 1, width: int = 20, value_width: int = 24, strongest: float = 1.0, beta: float = 1.0,
    state: bool = True, sequences: int | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """Arguments in ``dtype``, states in float32: unit keys with a correlation of 0.9, decays down to -strongest."""
    generator = torch.Generator().manual_seed(length + width)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    value_heads = heads * groups
    common, own = normal(batch, 1, heads, width), normal(batch, length, heads, width)
    arguments = {
        "q": normal(batch, length, heads, width),
        "k": F.normalize(0.9**0.5 * common + 0.1**0.5 * own, dim=-1),
        "v": normal(batch, length, value_heads, value_width),
    }
    if delta:
        arguments["beta"] = beta * uniform(batch, length, value_heads)
    if form != "none":
        arguments["decay"] = -strongest * uniform(batch, length, value_heads, *([width] if form == "channel" else []))
    if state:
        arguments["initial_state"] = normal(sequences or batch, value_heads, width, value_width)
    return {name: x.to(device, None if name == "initial_state" else dtype) for name, x in arguments.items()}


def weights(arguments: dict[str, Tensor], sequences: int | None = None) -> tuple[Tensor, Tensor]:
    """Fixed gradients in o and in the final state."""
    generator = torch.Generator().manual_seed(1)
    v, width = arguments["v"], arguments["k"].shape[-1]
    do = torch.randn(v.shape, generator=generator).to(v)
    dfinal = torch.randn(sequences or v.shape[0], v.shape[2], width, v.shape[3], generator=generator)
    return do, dfinal.to(v.device)


def run(
    arguments: dict[str, Tensor], do: Tensor, dfinal: Tensor | None, cu_seqlens: Tensor | None = None
) -> dict[str, Tensor]:
    """Both outputs, and the gradient in every argument."""
    q, k, v, beta, decay, state = (arguments.get(name) for name in NAMES)
    assert q is not None
    assert k is not None
    assert v is not None
    o, final, saved = chunked.forward(q, k, v, beta, decay, SCALE, state, cu_seqlens)
    gradients = chunked.backward(do, dfinal, q, k, v, beta, decay, SCALE, state, cu_seqlens, saved)
    for name, gradient in zip(NAMES, gradients, strict=True):
        assert (gradient is None) == (name not in arguments), name
    present = {name: x for name, x in zip(NAMES, gradients, strict=True) if x is not None}
    return {"o": o, "final state": final} | present


def defined(arguments: dict[str, Tensor], do: Tensor, dfinal: Tensor) -> dict[str, Tensor]:
    """The same from the definition, in float64."""
    exact = doubles(arguments)
    if "decay" in exact:
        held = exact["decay"].clamp(FLOOR[torch.float32], 0.0)
    definition: Callable[..., tuple[Tensor, Tensor]] = delta_recurrence if "beta" in exact else linear_recurrence
    o, final = definition(**exact | ({"decay": held} if "decay" in exact else {}), scale=SCALE)
    loss = (o * do.double().cpu()).sum() + (final * dfinal.double().cpu()).sum()
    return {"o": o, "final state": final} | dict(
        zip(exact, torch.autograd.grad(loss, list(exact.values())), strict=True)
    )


def assert_near(got: dict[str, Tensor], wanted: dict[str, Tensor], arguments: dict[str, Tensor]) -> None:
    """As near as the coarsest type among the arguments allows. o has v's type, states have float32."""
    state = torch.empty(0, device=arguments["v"].device)
    like = arguments | {"o": arguments["v"], "final state": state}
    tolerance = max(TOLERANCES[x.dtype] for x in arguments.values())
    agreement.assert_near(got, wanted, {name: like.get(name, state) for name in wanted}, tolerance)


def assert_as_defined(arguments: dict[str, Tensor]) -> None:
    do, dfinal = weights(arguments)
    assert_near(run(arguments, do, dfinal), defined(arguments, do, dfinal), arguments)


def assert_packed_as_defined(delta: bool, form: str, state: bool, lengths: tuple[int, ...], device: str) -> None:
    count = len(lengths)
    arguments = draw(delta, form, torch.float32, device, sum(lengths), width=5, state=state, sequences=count)
    do, dfinal = weights(arguments, count)
    bounds = torch.tensor((0, *lengths)).cumsum(0)
    wanted: dict[str, list[Tensor]] = {}
    for s in range(count):
        steps = slice(int(bounds[s]), int(bounds[s + 1]))
        alone = {name: x[s : s + 1] if name == "initial_state" else x[:, steps] for name, x in arguments.items()}
        if lengths[s]:
            results = defined(alone, do[:, steps], dfinal[s : s + 1])
        else:  # the state passes through
            unmoved = alone.get("initial_state", torch.zeros_like(dfinal[s : s + 1]))
            results = alone | {"o": do[:, steps], "final state": unmoved}
            results |= {"initial_state": dfinal[s : s + 1]} if state else {}
        for name, x in results.items():
            wanted.setdefault(name, []).append(x.double().cpu())
    joined = {name: torch.cat(parts, dim=0 if "state" in name else 1) for name, parts in wanted.items()}
    got = run(arguments, do, dfinal, bounds.to(device))
    assert_near(got, joined, arguments)
