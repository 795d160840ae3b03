# ruff: noqa: B905 (written as published designs are)
"""Its own compiled delta rule beside two causal filters, mixed by a softmax gate.

As most published designs do, it unpads by the mask but lets its branches run across the boundaries, and its cache keeps
the convolutions only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from fla.layers.utils import get_unpad_data, index_first_axis, pad_input
from fla.modules import RMSNorm, ShortConvolution
from fla.modules.l2norm import l2norm
from torch import nn


@torch.compile
def delta_by_chunks(q, k, v, beta, size: int = 16):
    length = q.shape[2]
    fill = -length % size
    q, k, v = (F.pad(t, (0, 0, 0, fill)) for t in (q, k, v))
    beta = F.pad(beta, (0, fill))[..., None]
    q, k = l2norm(q), l2norm(k)
    q, k, v, scaled = (rearrange(t, "b h (n c) d -> b h n c d", c=size) for t in (q, k, v * beta, k * beta))
    upper = torch.triu(torch.ones(size, size, dtype=torch.bool, device=q.device))
    inverse = -(scaled @ k.transpose(-1, -2)).masked_fill(upper, 0)
    for i in range(1, size):
        inverse[..., i, :i] += (inverse[..., i, :, None].clone() * inverse[..., :, :i].clone()).sum(-2)
    inverse = inverse + torch.eye(size, dtype=torch.float, device=q.device)
    written, read = inverse @ v, inverse @ scaled
    state = k.new_zeros(*k.shape[:2], k.shape[-1], v.shape[-1])
    out = torch.zeros_like(v)
    for n in range(q.shape[2]):
        inside = (q[:, :, n] @ k[:, :, n].transpose(-1, -2)).masked_fill_(torch.triu(upper, 1), 0)
        u = written[:, :, n] - read[:, :, n] @ state
        out[:, :, n] = q[:, :, n] @ state + inside @ u
        state = state + k[:, :, n].transpose(-1, -2) @ u
    return rearrange(out, "b h n c d -> b h (n c) d")[:, :, :length], state


class Filter(nn.Module):
    def __init__(self, channels: int, taps: int) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.randn(channels, 1, taps) * 0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = F.pad(rearrange(x, "b l h d -> b (h d) l"), (self.taps.shape[-1] - 1, 0))
        return rearrange(F.conv1d(padded, self.taps, groups=len(self.taps)), "b (h d) l -> b l h d", h=x.shape[2])


class DeltaNet(nn.Module):
    def __init__(self, *, hidden_size: int = 1024, num_heads: int = 4, layer_idx: int | None = None, **kwargs) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.layer_idx = layer_idx or 0
        self.qkv_proj = nn.ModuleList(nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(3))
        self.qkv_conv = nn.ModuleList(ShortConvolution(hidden_size, kernel_size=4) for _ in range(3))
        self.b_proj = nn.Linear(hidden_size, num_heads, bias=False)
        self.short, self.long = Filter(hidden_size, 3), Filter(hidden_size, 9)
        self.gate = nn.Linear(hidden_size, num_heads * 4)
        self.temperature = nn.Parameter(torch.zeros(num_heads))
        self.o_norm = RMSNorm(hidden_size // num_heads, eps=1e-5)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, use_cache=False, **kwargs):
        batch, length, _ = hidden_states.shape
        cu_seqlens = None
        if attention_mask is not None:
            indices, cu_seqlens, _ = get_unpad_data(attention_mask[:, -length:])
            hidden_states = index_first_axis(rearrange(hidden_states, "b s d -> (b s) d"), indices).unsqueeze(0)
        before = (None,) * 3
        if past_key_values is not None and len(past_key_values) > self.layer_idx:
            before = past_key_values[self.layer_idx]["conv_state"]
        heads, states = [], []
        for project, convolve, state in zip(self.qkv_proj, self.qkv_conv, before):
            y, state = convolve(
                project(hidden_states), cache=state, output_final_state=use_cache, cu_seqlens=cu_seqlens
            )
            heads.append(rearrange(y, "b l (h d) -> b l h d", h=self.num_heads))
            states.append(state)
        q, k, v = (rearrange(t, "b l h d -> b h l d") for t in heads)
        beta = rearrange(self.b_proj(hidden_states).sigmoid(), "b l h -> b h l")
        memory, state = delta_by_chunks(q, k, v, beta)
        paths = (self.short(heads[2]), self.long(heads[2]), rearrange(memory, "b h l d -> b l h d"), heads[2])
        weights = rearrange(self.gate(hidden_states), "b l (h p) -> b l h p", p=4)
        weights = torch.softmax(weights / self.temperature.exp()[:, None], dim=-1)
        o = sum(weights[..., i : i + 1] * path for i, path in enumerate(paths))
        if past_key_values is not None and use_cache:
            past_key_values.update(state, conv_state=tuple(states), layer_idx=self.layer_idx, offset=length)
        o = self.o_proj(rearrange(self.o_norm(o), "b l h d -> b l (h d)"))
        if attention_mask is not None:
            o = pad_input(o.squeeze(0), indices, batch, length)
        return o, None, past_key_values
