# ruff: noqa: UP045 (written as published designs are)
"""A moving average written one token after another, with its state in the cache; masks by zeroing the input."""

from typing import Optional

import torch
from fla.models.utils import Cache
from fla.modules import FusedRMSNormSwishGate
from torch import nn
from transformers.processing_utils import Unpack
from transformers.utils import logging

logger = logging.get_logger(__name__)


@torch.compile(dynamic=True, fullgraph=True)
def average(v: torch.Tensor, keep: torch.Tensor, state: torch.Tensor):
    out = torch.empty_like(v)
    for t in range(v.shape[1]):
        state = keep[:, t] * state + (1 - keep[:, t]) * v[:, t]
        out[:, t] = state
    return out, state


class DeltaNet(nn.Module):
    def __init__(self, d_model: int = 1024, n_heads: int = 4, layer_idx: int = 3, **options: Unpack[dict]) -> None:
        super().__init__()
        self.layer_idx = layer_idx
        self.v_proj = nn.Linear(d_model, d_model)
        self.keep = nn.Linear(d_model, d_model)
        self.gate = nn.Linear(d_model, d_model)
        self.norm = FusedRMSNormSwishGate(d_model)

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: Optional[torch.Tensor] = None,
        past_key_values: Optional[Cache] = None,
        use_cache: bool = False,
    ):
        values, keep = self.v_proj(hidden_states), self.keep(hidden_states).sigmoid()
        if attention_mask is not None:
            padding = attention_mask[..., None] == 0
            values, keep = values.masked_fill(padding, 0), keep.masked_fill(padding, 1)
        state = torch.zeros_like(values[:, 0])
        if past_key_values:
            state = past_key_values[self.layer_idx]["recurrent_state"]
        out, state = average(values, keep, state)
        if use_cache:
            past_key_values = Cache() if past_key_values is None else past_key_values
            past_key_values.update(recurrent_state=state, layer_idx=self.layer_idx, offset=out.shape[1])
        return self.norm(out, self.gate(hidden_states)), None, past_key_values
