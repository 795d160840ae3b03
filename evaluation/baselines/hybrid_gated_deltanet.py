"""Gated DeltaNet beside sliding-window attention: Yang, Kautz, Hatamizadeh, "Gated Delta Networks: Improving Mamba2
with Delta Rule" (2025, arXiv 2412.06464), section 3.4 (Gated DeltaNet-H: both kinds of layer in one model).

The paper alternates layers of either kind. Here all layers are alike, so half of each layer's heads are of either kind,
side by side and each normalised, as Dong and others do with Mamba in "Hymba: A Hybrid-head Architecture for Small
Language Models" (2024, arXiv 2411.13676), section 2.1. The window is 16 steps, for training sequences of about 100; the
paper's is 2,048. Its heads have rotary positions. The rest is as in the Gated DeltaNet baseline, of whose decays the
slower half is taken: the near past is the window's.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import (
    chunk_delta,
    conv_step,
    delta_step,
    l2_norm,
    rms_norm_gate,
    rotary,
    short_conv,
    window_attention,
)

TAPS = 4
WINDOW = 16

Memory = tuple[Tensor, Tensor, Tensor, Tensor]


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: half of the heads keep a fading, corrected memory, half see the last steps exactly."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if n_heads % 2 or d_model % (2 * n_heads):
            raise ValueError(
                f"d_model is {d_model} and n_heads {n_heads}, but an even number of heads, each of an even width, is "
                "needed: half of them attend, with rotary pairs."
            )
        self.width, heads = d_model // n_heads, n_heads // 2
        self.qkv = nn.Linear(d_model, 3 * d_model // 2, bias=False)
        self.conv = nn.Parameter(torch.empty(3 * d_model // 2, TAPS).uniform_(-(TAPS**-0.5), TAPS**-0.5))
        self.beta = nn.Linear(d_model, heads, bias=False)
        self.dt = nn.Linear(d_model, heads, bias=False)
        quantile = (torch.arange(heads) + 0.5) / n_heads
        step = (math.log(0.001) + quantile * math.log(0.1 / 0.001)).exp()
        self.dt_bias = nn.Parameter(step.expm1().log())  # the inverse of softplus
        self.A_log = nn.Parameter((1 + 15 * quantile).log())
        self.near_qkv = nn.Linear(d_model, 3 * d_model // 2, bias=False)
        self.gate = nn.Linear(d_model, d_model, bias=False)
        self.norm = nn.Parameter(torch.ones(self.width))
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._split(short_conv(self.qkv(x), self.conv))
        far, _ = chunk_delta(l2_norm(q), l2_norm(k), v.contiguous(), self.beta(x).sigmoid(), self._decay(x))
        q, k, v = self._split(self.near_qkv(x))
        near = window_attention(rotary(q), rotary(k), v, WINDOW)
        return self._output(far, near, x)

    def init_state(self, batch_size: int) -> Memory:
        """What the convolution still sees and the memory [B, H / 2, K, V], both zero, and no keys and values yet."""
        seen = self.conv.new_zeros(batch_size, TAPS - 1, self.conv.shape[0])
        memory = self.conv.new_zeros(batch_size, self.beta.out_features, self.width, self.width)
        none = self.conv.new_zeros(batch_size, 0, self.beta.out_features, self.width)
        return seen, memory, none, none

    def step(self, x_t: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        """[B, D] and the state, which ends at WINDOW keys and values, to the output [B, D] and the next state."""
        seen, memory, keys, values = state
        qkv, seen = conv_step(self.qkv(x_t), self.conv, seen)
        q, k, v = self._split(qkv)
        far, memory = delta_step(
            l2_norm(q), l2_norm(k), v.contiguous(), self.beta(x_t).sigmoid(), memory, self._decay(x_t)
        )
        q, k, v = self._split(self.near_qkv(x_t).unsqueeze(1))
        keys, values = (torch.cat(pair, dim=1)[:, -WINDOW:] for pair in ((keys, k), (values, v)))
        # Only distances count in rotary positions: the oldest step of the window is position 0, the present one last.
        q = rotary(q.expand_as(keys))[:, -1:]
        near = F.scaled_dot_product_attention(*(y.transpose(1, 2) for y in (q, rotary(keys), values))).squeeze(2)
        return self._output(far, near, x_t), (seen, memory, keys, values)

    def _split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = qkv.unflatten(-1, (3, -1, self.width)).unbind(-3)
        return q, k, v

    def _decay(self, x: Tensor) -> Tensor:
        return -self.A_log.exp() * F.softplus(self.dt(x) + self.dt_bias)

    def _output(self, far: Tensor, near: Tensor, x: Tensor) -> Tensor:
        gate = self.gate(x).unflatten(-1, (-1, self.width))
        return self.out(rms_norm_gate(torch.cat([far, near], dim=-2), self.norm, gate).flatten(-2))
