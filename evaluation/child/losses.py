"""Losses that a layer leaves on itself for a trainer to add: a plain trainer would drop them without a word."""

from torch import Tensor, nn


def losses_left(layer: nn.Module, x: Tensor) -> tuple[str, ...]:
    """Names of attributes that hold a scalar with a gradient after one forward call in train mode."""
    layer(x)
    found = []
    for path, module in layer.named_modules():
        for name, value in vars(module).items():
            if any(isinstance(one, Tensor) and one.numel() == 1 and one.grad_fn is not None for one in _flat(value)):
                found.append(f"{path}.{name}".lstrip("."))
    return tuple(found[:20])


def _flat(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]
