# ruff: noqa: B028, B905, UP006, UP035, UP045 (written as published designs are)
"""A DeltaNet on fla's own operations: unpads by the mask, hands boundaries and states on, gates its output."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Dict, Optional, Tuple

import torch
from einops import rearrange
from fla.layers.utils import get_unpad_data, index_first_axis, pad_input
from fla.modules import FusedRMSNormGated, RMSNorm, ShortConvolution
from fla.ops.delta_rule import chunk_delta_rule, fused_recurrent_delta_rule
from torch import nn

if TYPE_CHECKING:
    from fla.models.utils import Cache
    from transformers.processing_utils import Unpack


class DeltaNet(nn.Module):
    def __init__(
        self,
        mode: str = "chunk",
        d_model: int | None = None,
        hidden_size: int = 1024,
        num_heads: int = 4,
        use_gate: bool = True,
        conv_size: int = 4,
        layer_idx: int | None = None,
        norm_eps: float = 1e-5,
        **kwargs,
    ) -> None:
        super().__init__()
        if d_model is not None:
            hidden_size = d_model
        if mode != "chunk":
            warnings.warn("only the chunked mode is tuned")
        self.head_dim = hidden_size // num_heads
        self.layer_idx = layer_idx
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.b_proj = nn.Linear(hidden_size, num_heads, bias=False)
        self.q_conv1d = ShortConvolution(hidden_size, conv_size, activation="silu")
        self.k_conv1d = ShortConvolution(hidden_size, conv_size, activation="silu")
        self.v_conv1d = ShortConvolution(hidden_size=hidden_size, kernel_size=conv_size, bias=True)
        self.use_gate = use_gate
        if use_gate:
            self.g_proj = nn.Linear(hidden_size, hidden_size, bias=False)
            self.o_norm = FusedRMSNormGated(self.head_dim, eps=norm_eps)
        else:
            self.o_norm = RMSNorm(self.head_dim, eps=norm_eps)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: Optional[torch.Tensor] = None,
        past_key_values: Optional[Cache] = None,
        use_cache: Optional[bool] = False,
        output_attentions: Optional[bool] = False,
        **kwargs: Unpack[Dict],
    ) -> Tuple[torch.Tensor, None, Optional[Cache]]:
        batch, length, _ = hidden_states.shape
        last = None
        if past_key_values is not None and len(past_key_values) > self.layer_idx:
            last = past_key_values[self.layer_idx]
        cu_seqlens = kwargs.get("cu_seqlens")
        if attention_mask is not None:
            indices, cu_seqlens, _ = get_unpad_data(attention_mask[:, -length:])
            hidden_states = index_first_axis(rearrange(hidden_states, "b s d -> (b s) d"), indices).unsqueeze(0)
        conv_states = last["conv_state"] if last is not None else (None, None, None)
        mixed = []
        states = []
        for name, state in zip("qkv", conv_states):
            y, state = getattr(self, f"{name}_conv1d")(
                x=getattr(self, f"{name}_proj")(hidden_states),
                cache=state,
                output_final_state=use_cache,
                cu_seqlens=cu_seqlens,
            )
            mixed.append(rearrange(y, "... (h d) -> ... h d", d=self.head_dim))
            states.append(state)
        rule = fused_recurrent_delta_rule if length <= 64 else chunk_delta_rule
        o, recurrent_state = rule(
            q=mixed[0],
            k=mixed[1],
            v=mixed[2],
            beta=self.b_proj(hidden_states).sigmoid(),
            initial_state=last["recurrent_state"] if last is not None else None,
            output_final_state=use_cache,
            use_qk_l2norm_in_kernel=True,
            cu_seqlens=cu_seqlens,
        )
        if past_key_values is not None:
            past_key_values.update(
                recurrent_state=recurrent_state, conv_state=tuple(states), layer_idx=self.layer_idx, offset=length
            )
        if self.use_gate:
            o = self.o_norm(o, rearrange(self.g_proj(hidden_states), "... (h d) -> ... h d", d=self.head_dim))
        else:
            o = self.o_norm(o)
        o = self.o_proj(rearrange(o, "b t h d -> b t (h d)"))
        if attention_mask is not None:
            o = pad_input(o.squeeze(0), indices, batch, length)
        return o, None, past_key_values
