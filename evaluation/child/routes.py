"""The ways in which a layer can be called, each ending in raw arrays for the parent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.child.layer import Layers, numpy
from evaluation.jobs import Call

Inputs = dict[str, Tensor]


@dataclass
class Answer:
    """Arrays for the parent, by the names in ``Call``."""

    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    gradients: dict[str, np.ndarray] = field(default_factory=dict)
    kept: dict[str, np.ndarray] = field(default_factory=dict)

    def put(self, name: str, y: object) -> None:
        """Keep an output if it is a tensor; the caller notices if it is not."""
        if isinstance(y, Tensor):
            # numpy has no bfloat16; as float16 the parent sees that the type is wrong.
            self.outputs[name] = numpy(y.half() if y.dtype == torch.bfloat16 else y)


def _forward(layers: Layers, layer: nn.Module, call: Call, inputs: Inputs, answer: Answer) -> None:
    x = inputs[call.name].to(torch.bfloat16) if call.half else inputs[call.name].clone()
    if not call.gradient:
        with torch.set_grad_enabled(call.mode == "train"):  # training records gradients: some leak only then
            y = layer(x)
        if isinstance(y, Tensor) and call.half:
            if y.dtype != x.dtype:
                raise TypeError(f"forward returned {y.dtype} for bfloat16")
            y = y.float()
        answer.put(call.name, y)
        return
    x.requires_grad_()
    y = layer(x)
    answer.put(call.name, y)
    if isinstance(y, Tensor) and y.shape == x.shape and y.requires_grad:  # else the parent judges the output itself
        torch.autograd.backward(y, inputs[f"{call.name}/gradient"])
    for name, parameter in layer.named_parameters():
        if call.gradient == "all" and parameter.grad is not None:
            answer.gradients[f"{call.name}/{name}"] = numpy(parameter.grad)
    answer.outputs[f"{call.name}/input"] = numpy(torch.zeros_like(x) if x.grad is None else x.grad)


@torch.no_grad()
def _step(layers: Layers, layer: Any, call: Call, inputs: Inputs, answer: Answer) -> None:
    x = inputs[call.name]
    _decoded(layer, x.flip(1)[:, :3])  # nothing of an earlier sequence may be left
    y, sizes = _decoded(layer, x)
    answer.put(call.name, y)
    answer.outputs[f"{call.name}/bytes"] = np.array(sizes, dtype=np.int64)


def _decoded(layer: Any, x: Tensor) -> tuple[Tensor, list[int]]:
    """Outputs [B, T, D] of step after step, and the state's bytes after each."""
    state = layer.init_state(len(x))
    steps, sizes = [], []
    for t in range(x.shape[1]):
        y, state = layer.step(x[:, t], state)
        steps.append(y)
        sizes.append(_bytes(state))
    return torch.stack(steps, 1), sizes


@torch.no_grad()
def _restored(layers: Layers, layer: nn.Module, call: Call, inputs: Inputs, answer: Answer) -> None:
    x = inputs[call.name]
    again = layers.built(layers.job.seed + 1).to(x.dtype)
    again.load_state_dict(layer.state_dict())
    answer.put(f"{call.name}/before", layer.eval()(x))
    answer.put(call.name, again.eval()(x))


@torch.no_grad()
def _compiled(layers: Layers, layer: nn.Module, call: Call, inputs: Inputs, answer: Answer) -> None:
    torch._dynamo.reset()
    # "aot_eager" traces and lowers like the default backend, and needs no compiler of the host's.
    answer.put(call.name, torch.compile(layer, fullgraph=True, backend="aot_eager")(inputs[call.name]))


@torch.no_grad()
def _exported(layers: Layers, layer: nn.Module, call: Call, inputs: Inputs, answer: Answer) -> None:
    program = torch.export.export(layer, (inputs[call.name],))
    answer.put(call.name, program.module()(inputs[call.name]))


@torch.no_grad()
def _masked(layers: Layers, layer: Any, call: Call, inputs: Inputs, answer: Answer) -> None:
    answer.put(call.name, layer.masked(inputs[call.name], inputs[f"{call.name}/mask"]))


@torch.no_grad()
def _cached(layers: Layers, layer: Any, call: Call, inputs: Inputs, answer: Answer) -> None:
    x = inputs[call.name]
    split = int(inputs[f"{call.name}/split"])
    answer.put(call.name, layer.cached(x[:, :split], x[:, split:]))


def _bytes(state: object) -> int:
    """Bytes of every tensor in a nested state."""
    if isinstance(state, Tensor):
        return int(state.numel() * state.element_size())
    if isinstance(state, dict):
        return sum(map(_bytes, state.values()))
    if isinstance(state, list | tuple):
        return sum(map(_bytes, state))
    return 0


Route = Callable[[Layers, nn.Module, Call, Inputs, Answer], None]
ROUTES: dict[str, Route] = {
    "forward": _forward,
    "step": _step,
    "restored": _restored,
    "compiled": _compiled,
    "exported": _exported,
    "masked": _masked,
    "cached": _cached,
}
