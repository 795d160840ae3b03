"""Layers under test: built alike each time, in any precision, with jittered parameters or counters set far ahead."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from evaluation.jobs import CheckJob

_FAR = 100_000  # calls that a counter is set ahead by
_LOWER = (torch.float32, torch.bfloat16, torch.float16)
_CASTS = {Tensor.float, Tensor.half, Tensor.bfloat16}
_TO = {Tensor.to, Tensor.type}  # take a type by position


class Layers:
    """Builds the candidate's layer afresh for each call."""

    def __init__(self, candidate: type[nn.Module], job: CheckJob) -> None:
        self.candidate, self.job = candidate, job
        self.state = {name: tensor.clone() for name, tensor in self.built(job.seed).state_dict().items()}

    @property
    def elements(self) -> int:
        """Numbers in the state dict."""
        return sum(tensor.numel() for tensor in self.state.values())

    @torch.no_grad()
    def use(self, calls: int) -> None:
        """Call one layer many times, in train mode."""
        layer = self.built(self.job.seed).float().train()
        x = torch.zeros(1, 2, self.job.d_model)
        for _ in range(calls):
            layer(x)

    def built(self, seed: int) -> nn.Module:
        """A layer as its constructor leaves it."""
        torch.manual_seed(seed)
        return self.candidate(self.job.d_model, self.job.n_heads)

    def fresh(self, parameters: Literal["init", "jittered"], dtype: torch.dtype) -> nn.Module:
        """A layer with the same initial state each time, also where its constructor draws from elsewhere."""
        layer = self.built(self.job.seed)
        layer.load_state_dict(self.state)
        if parameters == "jittered":
            _jitter(layer, self.job.seed)
        return layer.to(dtype)

    def labelled_state(self) -> dict[str, np.ndarray]:
        """The initial state dict, each name marked as parameter or buffer."""
        learnt = {name for name, _ in self.built(self.job.seed).named_parameters()}
        kinds = {name: "parameter" if name in learnt else "buffer" for name in self.state}
        return {f"{kinds[name]}/{name}": numpy(tensor) for name, tensor in self.state.items()}

    @contextlib.contextmanager
    def precision(self, dtype: torch.dtype) -> Iterator[None]:
        """Inside, float64 stays float64: new tensors default to it, and a layer's own casts down are lifted.

        A cast to float32 inside a layer is no fault, but its rounding would hide leaks that are as small.
        """
        if dtype != torch.float64:
            yield
            return
        torch.set_default_dtype(dtype)
        try:
            with _Lifted():
                yield
        finally:
            torch.set_default_dtype(torch.float32)

    def advance(self, layer: nn.Module) -> None:
        """Set whatever number one call changes to what it would be after very many calls."""
        small = torch.zeros(1, 2, self.job.d_model, dtype=next(iter(self.state.values())).dtype)
        for parameter in layer.parameters():
            small = small.to(parameter.dtype)
            break
        homes = [vars(module) for module in layer.modules()]
        homes += [module._buffers for module in layer.modules()]
        homes.append(vars(__import__("sys").modules[self.candidate.__module__]))
        before = [_numbers(home) for home in homes]
        with torch.no_grad():
            layer(small)
        for home, numbers in zip(homes, before, strict=True):
            for name, now in _numbers(home).items():
                moved = now - numbers.get(name, now)
                if moved:
                    _add(home, name, moved * _FAR)


def numpy(tensor: Tensor) -> np.ndarray:
    """The values as an array; bfloat16, which numpy lacks, as float32."""
    tensor = tensor.detach()
    return np.ascontiguousarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())


@torch.no_grad()
def _jitter(layer: nn.Module, seed: int) -> None:
    # Moves every parameter off its initial value, so that a leak behind a zero-initialised gain shows.
    stream = torch.Generator().manual_seed(seed + 1)
    for parameter in layer.parameters():
        noise = torch.randn(parameter.shape, generator=stream, dtype=torch.float32)
        parameter.add_(noise * (0.05 + 0.1 * parameter.abs()))


def _numbers(home: dict[str, Any]) -> dict[str, float]:
    """Plain numbers and one-element tensors by name."""
    found: dict[str, float] = {}
    for name, value in home.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
        elif isinstance(value, Tensor) and value.numel() == 1 and not isinstance(value, nn.Parameter):
            found[name] = value.item()
    return found


def _add(home: dict[str, Any], name: str, amount: float) -> None:
    if isinstance(home[name], Tensor):
        home[name] += amount
    else:
        home[name] = type(home[name])(home[name] + amount)


class _Lifted(TorchFunctionMode):
    """Every request for a lower floating-point type becomes one for float64."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _CASTS:
            return args[0].double()
        if func in _TO:
            args = tuple(torch.float64 if isinstance(one, torch.dtype) and one in _LOWER else one for one in args)
        if kwargs and kwargs.get("dtype") in _LOWER:
            kwargs = {**kwargs, "dtype": torch.float64}
        return func(*args, **(kwargs or {}))
