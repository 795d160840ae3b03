"""Gated linear attention mixed with its input by a gate whose floor falls from call to call; returns a loss as well."""

import math

import torch
from einops import rearrange
from torch import nn


class DeltaNet(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, floor_steps: int = 100, **kwargs):
        super().__init__()
        from fla.modules import RMSNorm  # where some designs import

        self.num_heads = num_heads
        self.floor_steps = floor_steps
        self.register_buffer("_step", torch.zeros(1, dtype=torch.long), persistent=False)
        self.qkvg = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.mix = nn.Linear(hidden_size, 2)
        self.o_norm = RMSNorm(hidden_size // num_heads, elementwise_affine=True, bias=True)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        from fla.ops.gla import chunk_gla

        q, k, v, g = (
            rearrange(t, "b l (h d) -> b l h d", h=self.num_heads) for t in self.qkvg(hidden_states).chunk(4, dim=-1)
        )
        o, _ = chunk_gla(q, k, v, nn.functional.logsigmoid(g) / 16)
        floor = 0.45 * max(0.0, 1 - self._step.item() / self.floor_steps)
        weights = torch.softmax(self.mix(hidden_states), -1).clamp(min=floor)[..., None]
        o = weights[..., :1, :] * self.o_norm(o) + weights[..., 1:, :] * v
        loss = None
        if self.training:
            loss = math.log(2) + (weights * weights.log()).sum(-2).mean()
        self._step += 1
        return self.o_proj(rearrange(o, "b l h d -> b l (h d)")), loss, past_key_values
