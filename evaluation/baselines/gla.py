"""Gated linear attention: Yang, Wang, Shen, Panda, Kim, "Gated Linear Attention Transformers with Hardware-Efficient
Training" (2024, arXiv 2312.06635), section 4: the recurrence with a decay per key channel and time, and the layer (keys
half as wide as values, a rank-16 gate through a sigmoid to the power 1/16, normalised and gated output).

The per-head output norm is RMSNorm, as in the authors' code; the paper writes LayerNorm. No convolution.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear, linear_step, rms_norm_gate

GATE_RANK = 16
TEMPERATURE = 16.0


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: a linear-attention state whose channels forget at rates that the input sets."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % (2 * n_heads):
            raise ValueError(f"d_model is {d_model}, but a multiple of 2 * n_heads = {2 * n_heads} is needed.")
        self.n_heads = n_heads
        self.q = nn.Linear(d_model, d_model // 2, bias=False)
        self.k = nn.Linear(d_model, d_model // 2, bias=False)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.decay = nn.Sequential(nn.Linear(d_model, GATE_RANK, bias=False), nn.Linear(GATE_RANK, d_model // 2))
        self.gate = nn.Linear(d_model, d_model)
        self.norm = nn.Parameter(torch.ones(d_model // n_heads))
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        *inputs, gate = self._heads(x)
        o, _ = chunk_linear(*inputs)
        return self.out(rms_norm_gate(o, self.norm, gate).flatten(-2))

    def init_state(self, batch_size: int) -> Tensor:
        """Zeros [B, H, K, V]."""
        width = self.norm.shape[0]
        return self.norm.new_zeros(batch_size, self.n_heads, width // 2, width)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """[B, D] and the state to the output [B, D] and the next state."""
        q, k, v, decay, gate = self._heads(x_t)
        o, state = linear_step(q, k, v, state, decay)
        return self.out(rms_norm_gate(o, self.norm, gate).flatten(-2)), state

    def _heads(self, x: Tensor) -> list[Tensor]:
        """Queries, keys, values, decays and gates, [..., H, K or V]."""
        decay = F.logsigmoid(self.decay(x)) / TEMPERATURE
        return [y.unflatten(-1, (self.n_heads, -1)) for y in (self.q(x), self.k(x), self.v(x), decay, self.gate(x))]
