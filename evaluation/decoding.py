"""Token by token through the model of ``evaluation.model``, for designs that offer init_state and step.

Imported by children only.
"""

from typing import Any, NamedTuple

from torch import Tensor, nn

from evaluation.model import Layer, Model


class State(NamedTuple):
    """What the model remembers of a sequence: the last token's embedding and each mixer's own state."""

    before: Tensor  # [B, D]
    mixers: list[Any]


def offers_decoding(mixer: nn.Module) -> bool:
    """Whether a mixer has both parts of constant-memory decoding."""
    return callable(getattr(mixer, "init_state", None)) and callable(getattr(mixer, "step", None))


def start(model: Model, rows: int) -> State:
    """The state before the first token of ``rows`` sequences."""
    mixers: list[Any] = [layer.mixer for layer in _layers(model)]
    return State(model.smear.new_zeros(rows, len(model.smear)), [mixer.init_state(rows) for mixer in mixers])


def step(model: Model, tokens: Tensor, state: State) -> tuple[Tensor, State]:
    """Tokens [B] and the state to what the head reads, [B, D], and the next state."""
    embedded = model.embedded(tokens)
    x = embedded + model.smear * state.before
    after: list[Any] = []
    for layer, memory in zip(_layers(model), state.mixers, strict=True):
        mixer: Any = layer.mixer
        mixed, memory = mixer.step(layer.mixer_norm(x), memory)
        after.append(memory)
        x = x + mixed
        x = x + layer.mlp(layer.mlp_norm(x))
    return x, State(embedded, after)


def _layers(model: Model) -> list[Layer]:
    return [layer for layer in model.layers if isinstance(layer, Layer)]
