"""Mamba-2: Dao, Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space
Duality" (2024, arXiv 2405.21060), section 5 (the recurrence with one decay per head and time, as linear attention) and
section 7 with figure 6 (the layer: a short convolution and SiLU on x, B and C, a step size that scales both input and
decay, a skip D per head, the gate before the last RMSNorm; B and C shared by all heads).

In this project's words C is the query, B the key and x the value. The inner width is d_model and B and C are
d_model / n_heads wide, so that a layer's state is as large as in the DeltaNet baseline; the paper's inner width is
twice d_model, which it pays for by leaving the MLP out. The convolution has no bias. Heads take evenly spaced quantiles
of the authors' ranges for A (1..16) and the first step size (0.001..0.1, on a log scale) instead of random draws. D
starts at zero instead of one: beside a skip of one, what such small steps write is not seen in a short training.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear, conv_step, linear_step, rms_norm_gate, short_conv

TAPS = 4


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: a state space whose input sets how long each step is."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads, self.state_width = n_heads, d_model // n_heads
        channels = d_model + 2 * self.state_width
        self.xbc = nn.Linear(d_model, channels, bias=False)
        self.conv = nn.Parameter(torch.empty(channels, TAPS).uniform_(-(TAPS**-0.5), TAPS**-0.5))
        self.gate = nn.Linear(d_model, d_model, bias=False)
        self.dt = nn.Linear(d_model, n_heads, bias=False)
        quantile = (torch.arange(n_heads) + 0.5) / n_heads
        step = (math.log(0.001) + quantile * math.log(0.1 / 0.001)).exp()
        self.dt_bias = nn.Parameter(step.expm1().log())  # the inverse of softplus
        self.A_log = nn.Parameter((1 + 15 * quantile).log())
        self.D = nn.Parameter(torch.zeros(n_heads))
        self.norm = nn.Parameter(torch.ones(d_model))
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        value, key, query = self._split(short_conv(self.xbc(x), self.conv))
        step = F.softplus(self.dt(x) + self.dt_bias)
        o, _ = chunk_linear(query, key, value * step.unsqueeze(-1), -self.A_log.exp() * step, scale=1.0)
        return self._output(o, value, x)

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """What the convolution still sees [B, TAPS - 1, channels] and the memory [B, H, N, D / H], both zero."""
        width = self.norm.shape[0] // self.n_heads
        seen = self.conv.new_zeros(batch_size, TAPS - 1, self.conv.shape[0])
        return seen, self.conv.new_zeros(batch_size, self.n_heads, self.state_width, width)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and the state to the output [B, D] and the next state."""
        seen, memory = state
        xbc, seen = conv_step(self.xbc(x_t), self.conv, seen)
        value, key, query = self._split(xbc)
        step = F.softplus(self.dt(x_t) + self.dt_bias)
        o, memory = linear_step(query, key, value * step.unsqueeze(-1), memory, -self.A_log.exp() * step, scale=1.0)
        return self._output(o, value, x_t), (seen, memory)

    def _split(self, xbc: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values of all heads, and one key and one query for all of them."""
        value, key, query = xbc.split([xbc.shape[-1] - 2 * self.state_width, self.state_width, self.state_width], -1)
        value = value.unflatten(-1, (self.n_heads, -1)).contiguous()
        return value, key.unsqueeze(-2).contiguous(), query.unsqueeze(-2).contiguous()

    def _output(self, o: Tensor, value: Tensor, x: Tensor) -> Tensor:
        o = (o + self.D.unsqueeze(-1) * value).flatten(-2)
        return self.out(rms_norm_gate(o * F.silu(self.gate(x)), self.norm))
