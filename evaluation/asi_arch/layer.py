"""A design in ASI-Arch's form as a Candidate of ours."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from evaluation.asi_arch.cache import Cache
from evaluation.asi_arch.contract import CLASS_NAME, HEADS, WIDTHS


class Adapted(nn.Module):
    """What every adapted design has besides its own methods. Mixed in before the design's class: see ``adapt``.

    The layer is the design itself, not a box around it: names and shapes of parameters are its own.
    """

    def forward(self, x: Tensor) -> Any:
        """x [B, T, D] -> y [B, T, D], the first of what the design returns; the others (losses, caches) are dropped."""
        return _first(self.returned(x))

    def returned(self, x: Tensor, **options: Any) -> Any:
        """Everything that the design's own forward returns: usually (y, None or weights or a loss, cache)."""
        return super().forward(x, **options)

    def masked(self, x: Tensor, mask: Tensor) -> Tensor:
        """The layer on padded rows: x [B, T, D]; mask [B, T] is 1 for tokens and 0 for padding, anywhere in a row.

        Returns y [B, T, D]. Where the mask is 1, y should equal the output of that row's tokens run alone, without
        padding and without other rows; elsewhere it means nothing. TypeError if the design takes no attention_mask.
        """
        _require(super().forward, "attention_mask")
        return _tensor(self.returned(x, attention_mask=mask))

    @torch.no_grad()
    def cached(self, prefix: Tensor, rest: Tensor, chunk: int = 1) -> Tensor:
        """Decoding with a cache: one call on prefix [B, P, D], then calls on ``chunk`` tokens each of rest [B, R, D].

        Returns y [B, P + R, D], every call's output in order, which should equal the plain forward on both together.
        The cache starts empty and goes from call to call as the design returns it (third) or, if it returns none, as
        it was passed in. TypeError if the design takes no past_key_values.
        """
        _require(super().forward, "past_key_values")
        cache: Any = Cache()
        outputs = []
        for part in (prefix, *rest.split(chunk, dim=1)):
            given = self.returned(part, past_key_values=cache, use_cache=True)
            outputs.append(_tensor(given))
            if isinstance(given, tuple | list) and len(given) > 2 and given[2] is not None:
                cache = given[2]
        return torch.cat(outputs, dim=1)


def adapt(design: type[nn.Module]) -> type[nn.Module]:
    """The design's class as a Candidate(d_model, n_heads, **kwargs): a subclass of it, so state dicts stay the same.

    Its constructor gets the width and the number of heads by the names that it knows, layer_idx = 0 (a cache needs
    one), and ``kwargs``.
    """

    def __init__(self: nn.Module, d_model: int, n_heads: int, **kwargs: Any) -> None:
        design.__init__(self, **_arguments(design, d_model, n_heads, kwargs))

    # The design's module: whoever looks for a design's own names looks there.
    members = {"__init__": __init__, "__module__": design.__module__, "__doc__": design.__doc__}
    return type("Candidate", (Adapted, design), members)


def _arguments(design: type[nn.Module], d_model: int, n_heads: int, kwargs: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(design.__init__).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    arguments = dict(kwargs)
    for what, value, names in (("width", d_model, WIDTHS), ("number of heads", n_heads, HEADS)):
        known = [name for name in names if name in parameters] or list(names[:1]) * takes_all
        if not known:
            raise TypeError(f"{CLASS_NAME} takes neither {' nor '.join(names)}, so its {what} cannot be set")
        arguments[known[0]] = value
    if takes_all or "layer_idx" in parameters:
        arguments.setdefault("layer_idx", 0)
    return arguments


def _require(forward: Callable[..., Any], name: str) -> None:
    if name not in inspect.signature(forward).parameters:
        raise TypeError(f"{CLASS_NAME}.forward takes no {name}")


def _first(given: Any) -> Any:
    return given[0] if isinstance(given, tuple | list) and given else given


def _tensor(given: Any) -> Tensor:
    y = _first(given)
    if not isinstance(y, Tensor):
        raise TypeError(f"{CLASS_NAME}.forward returned {type(y).__name__} where a tensor was expected")
    return y
