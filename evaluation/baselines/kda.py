"""Kimi Delta Attention: Kimi Team, "Kimi Linear: An Expressive, Efficient Attention Architecture" (2025, arXiv
2510.26692), equation 1 (the delta rule under a decay per channel) and section 4 (the layer: short convolutions and SiLU
on queries, keys and values, queries and keys of unit length, a low-rank decay, normalised output under a low-rank
sigmoid gate). The paper's model adds a layer of full attention after every three of these; here all layers are alike.

The decay is exp(-exp(A_log) softplus(W x + dt_bias)), with A per head and the rest per channel. Heads take evenly
spaced quantiles of Mamba-2's range for A (1..16), and each head's channels those of its step sizes (0.001..0.1, on a
log scale), instead of random draws. Both low-rank maps have rank 16 instead of the head's width, which at small sizes
is no low rank. Keys and values are d_model / n_heads wide, so that a head's state is as large as in the DeltaNet
baseline.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_delta, conv_step, delta_step, l2_norm, rms_norm_gate, short_conv

TAPS = 4
RANK = 16


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: the delta rule on a state whose channels the input fades one by one."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads = n_heads
        width = d_model // n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.conv = nn.Parameter(torch.empty(3 * d_model, TAPS).uniform_(-(TAPS**-0.5), TAPS**-0.5))
        self.beta = nn.Linear(d_model, n_heads, bias=False)
        self.dt = nn.Sequential(nn.Linear(d_model, RANK, bias=False), nn.Linear(RANK, d_model, bias=False))
        step = (math.log(0.001) + (torch.arange(width) + 0.5) / width * math.log(0.1 / 0.001)).exp()
        self.dt_bias = nn.Parameter(step.expm1().log().repeat(n_heads))  # the inverse of softplus
        self.A_log = nn.Parameter((1 + 15 * (torch.arange(n_heads) + 0.5) / n_heads).log())
        self.gate = nn.Sequential(nn.Linear(d_model, RANK, bias=False), nn.Linear(RANK, d_model))
        self.norm = nn.Parameter(torch.ones(width))
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._heads(short_conv(self.qkv(x), self.conv))
        o, _ = chunk_delta(q, k, v, self.beta(x).sigmoid(), self._decay(x))
        return self._output(o, x)

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The inputs that the convolution still sees [B, TAPS - 1, 3 D] and the memory [B, H, K, V], both zero."""
        width = self.norm.shape[0]
        seen = self.conv.new_zeros(batch_size, TAPS - 1, self.conv.shape[0])
        return seen, self.conv.new_zeros(batch_size, self.n_heads, width, width)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and the state to the output [B, D] and the next state."""
        seen, memory = state
        qkv, seen = conv_step(self.qkv(x_t), self.conv, seen)
        o, memory = delta_step(*self._heads(qkv), self.beta(x_t).sigmoid(), memory, self._decay(x_t))
        return self._output(o, x_t), (seen, memory)

    def _heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = qkv.unflatten(-1, (3, self.n_heads, -1)).unbind(-3)
        return l2_norm(q), l2_norm(k), v.contiguous()

    def _decay(self, x: Tensor) -> Tensor:
        """Log decays [..., H, K]."""
        step = F.softplus(self.dt(x) + self.dt_bias).unflatten(-1, (self.n_heads, -1))
        return -self.A_log.exp().unsqueeze(-1) * step

    def _output(self, o: Tensor, x: Tensor) -> Tensor:
        return self.out(rms_norm_gate(o, self.norm).flatten(-2) * self.gate(x).sigmoid())
