"""Gated DeltaNet: Yang, Kautz, Hatamizadeh, "Gated Delta Networks: Improving Mamba2 with Delta Rule" (2025,
arXiv 2412.06464), equation 10 (the gated delta rule) and section 3 (the layer: short convolutions and SiLU on queries,
keys and values, queries and keys of unit length, normalised output with a SiLU gate).

The decay is Mamba-2's: exp(-exp(A_log) softplus(W x + dt_bias)) per head and time, with A first from 1..16 and the step
size from 0.001..0.1 on a log scale (Dao and Gu, "Transformers are SSMs", 2024, arXiv 2405.21060). Heads take evenly
spaced quantiles of these ranges instead of random draws: with two heads, a draw would decide a run. Keys and values are
both d_model / n_heads wide, so that a head's state is as large as in the DeltaNet baseline.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_delta, conv_step, delta_step, l2_norm, rms_norm_gate, short_conv

TAPS = 4

ABLATIONS = {
    "decay": {"use_decay": False},
    "short convolution": {"use_conv": False},
    "output gate": {"use_gate": False},
}


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: the delta rule on a state that the input can also fade as a whole."""

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        use_decay: bool = True,
        use_conv: bool = True,
        use_gate: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.beta = nn.Linear(d_model, n_heads, bias=False)
        self.norm = nn.Parameter(torch.ones(d_model // n_heads))
        self.out = nn.Linear(d_model, d_model, bias=False)
        taps = torch.empty(3 * d_model, TAPS).uniform_(-(TAPS**-0.5), TAPS**-0.5)
        self.conv = nn.Parameter(taps) if use_conv else None
        self.gate = nn.Linear(d_model, d_model, bias=False) if use_gate else None
        self.dt = None
        if use_decay:
            self.dt = nn.Linear(d_model, n_heads, bias=False)
            quantile = (torch.arange(n_heads) + 0.5) / n_heads
            step = (math.log(0.001) + quantile * math.log(0.1 / 0.001)).exp()
            self.dt_bias = nn.Parameter(step.expm1().log())  # the inverse of softplus
            self.A_log = nn.Parameter((1 + 15 * quantile).log())

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x)
        qkv = F.silu(qkv) if self.conv is None else short_conv(qkv, self.conv)
        decay = self._decay(x)
        o, _ = chunk_delta(*self._heads(qkv), self.beta(x).sigmoid(), decay)
        return self._output(o, x)

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The inputs that the convolution still sees [B, TAPS - 1, 3 D] and the memory [B, H, K, V], both zero."""
        width = self.norm.shape[0]
        seen = self.norm.new_zeros(batch_size, TAPS - 1, self.qkv.out_features)
        return seen, self.norm.new_zeros(batch_size, self.n_heads, width, width)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and the state to the output [B, D] and the next state."""
        seen, memory = state
        qkv = self.qkv(x_t)
        qkv, seen = (F.silu(qkv), seen) if self.conv is None else conv_step(qkv, self.conv, seen)
        o, memory = delta_step(*self._heads(qkv), self.beta(x_t).sigmoid(), memory, self._decay(x_t))
        return self._output(o, x_t), (seen, memory)

    def _heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = qkv.unflatten(-1, (3, self.n_heads, -1)).unbind(-3)
        return l2_norm(q), l2_norm(k), v.contiguous()

    def _decay(self, x: Tensor) -> Tensor | None:
        return None if self.dt is None else -self.A_log.exp() * F.softplus(self.dt(x) + self.dt_bias)

    def _output(self, o: Tensor, x: Tensor) -> Tensor:
        gate = None if self.gate is None else self.gate(x).unflatten(-1, (self.n_heads, -1))
        return self.out(rms_norm_gate(o, self.norm, gate).flatten(-2))
