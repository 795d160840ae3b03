"""fla.models.utils.Cache in plain Python: what each layer carries from one call to the next."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

State = dict[str, Any]


class Cache:
    """States by layer, each a dict with recurrent_state, attn_state, conv_state and ffn_state, None where unused.

    An empty cache has length 0 and is therefore false, as fla's is.
    """

    def __init__(self, seen_tokens: int = 0) -> None:
        self.states: list[State] = []
        self._seen_tokens = seen_tokens

    def __getitem__(self, layer_idx: int) -> State:
        if layer_idx < len(self.states):
            return self.states[layer_idx]
        raise KeyError(f"The cache holds {len(self.states)} layers, but layer {layer_idx} was asked for.")

    def __iter__(self) -> Iterator[State]:
        return iter(self.states)

    def __len__(self) -> int:
        return len(self.states)

    def update(
        self,
        recurrent_state: Any = None,
        attn_state: tuple[Tensor, ...] | None = None,
        conv_state: Any = None,
        ffn_state: Any = None,
        layer_idx: int = 0,
        offset: int | None = 1,
        cache_kwargs: dict[str, Any] | None = None,
    ) -> State:
        """Store what is not None and return the layer's state.

        ``attn_state`` holds keys and values [B, T, ...], which are appended to the earlier ones; with
        cache_kwargs["window_size"] only that many last ones are kept. ``offset`` counts new tokens.
        """
        if layer_idx >= len(self.states):
            self.states.append(dict.fromkeys(("recurrent_state", "attn_state", "conv_state", "ffn_state")))
            first, last = layer_idx == 0, False
        else:
            first, last = False, layer_idx == len(self.states) - 1
        if first or last:
            self._seen_tokens += offset or 0
        state = self.states[min(layer_idx, len(self.states) - 1)]
        given = {"recurrent_state": recurrent_state, "conv_state": conv_state, "ffn_state": ffn_state}
        state |= {name: value for name, value in given.items() if value is not None}
        if attn_state is not None:
            window = (cache_kwargs or {}).get("window_size")
            earlier = state["attn_state"] or [None] * len(attn_state)
            state["attn_state"] = [_kept(a, b, window) for a, b in zip(earlier, attn_state, strict=True)]
        return state

    def get_seq_length(self, layer_idx: int | None = 0) -> int:
        """Tokens seen so far; 0 while the layer holds nothing."""
        return self._seen_tokens if len(self.states) > (layer_idx or 0) else 0

    def get_max_length(self) -> None:
        """There is no maximum."""

    def to_legacy_cache(self) -> tuple[State, ...]:
        """The states alone."""
        return tuple(self.states)

    @classmethod
    def from_legacy_cache(cls, past_key_values: list[State] | None = None, seen_tokens: int = 0) -> "Cache":
        """A cache around states that are already there."""
        cache = cls(seen_tokens)
        cache.states.extend(past_key_values or [])
        return cache


def _kept(earlier: Tensor | None, new: Tensor, window: int | None) -> Tensor:
    joined = new if earlier is None else torch.cat([earlier, new], dim=1)
    return joined if window is None else joined[:, -window:]
