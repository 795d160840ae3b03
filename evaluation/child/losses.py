"""Losses that a layer leaves on itself for a trainer to add: a plain trainer would drop them without a word."""

from torch import Tensor, nn

from evaluation.asi_arch.layer import Adapted


def losses_left(layer: nn.Module, x: Tensor) -> tuple[str, ...]:
    """Names of attributes that hold a scalar with a gradient after one forward call in train mode.

    An adapted layer may also return one beside its output.
    """
    found = []
    if isinstance(layer, Adapted):
        given = layer.returned(x)
        if isinstance(given, tuple) and any(_is_loss(one) for one in given[1:]):
            found.append("the returned tuple")
    else:
        layer(x)
    for path, module in layer.named_modules():
        for name, value in vars(module).items():
            if any(_is_loss(one) for one in _flat(value)):
                found.append(f"{path}.{name}".lstrip("."))
    return tuple(found[:20])


def _is_loss(value: object) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1 and value.grad_fn is not None


def _flat(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]
