"""RetNet: Sun, Dong, Huang, Ma, Xia, Xue, Wang, Wei, "Retentive Network: A Successor to Transformer for Large Language
Models" (2023, arXiv 2307.08621), section 2.1 (equation 5: rotated queries and keys under a fixed decay; equation 6: one
step at a time) and section 2.2 (equation 8: decays 1 - 2^(-5 - i), a norm per head, a swish gate).

Values are as wide as queries and keys, so that a head's state is as large as in the DeltaNet baseline; the paper
doubles them and takes that from its MLP. The norm per head is RMSNorm with a gain, as in the authors' later code; the
paper writes GroupNorm. Its other normalisations (end of section 2.2) only rescale what that norm scales back.
"""

import torch
from torch import Tensor, nn

from kernels import chunk_linear, linear_step, rms_norm_gate, rotary

BASE = 10000.0


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: linear attention with rotary positions, where each head forgets at its own fixed rate."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % (2 * n_heads):
            raise ValueError(
                f"d_model is {d_model}, but a multiple of 2 * n_heads = {2 * n_heads} is needed for rotary pairs."
            )
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.gate = nn.Linear(d_model, d_model, bias=False)
        self.norm = nn.Parameter(torch.ones(d_model // n_heads))
        self.out = nn.Linear(d_model, d_model, bias=False)
        decay = torch.log1p(-(2.0 ** (-5.0 - torch.arange(n_heads))))
        self.register_buffer("decay", decay, persistent=False)  # a constant, so no parameter

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._heads(x)
        o, _ = chunk_linear(rotary(q, BASE), rotary(k, BASE), v, self.decay)
        return self._output(o, x)

    def init_state(self, batch_size: int) -> Tensor:
        """Zeros [B, H, K, V]."""
        width = self.norm.shape[0]
        return self.norm.new_zeros(batch_size, self.n_heads, width, width)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """[B, D] and the state to the output [B, D] and the next state.

        Only the angle between query and key counts, so the state turns back by one position instead of both turning on:
        then no position has to be kept.
        """
        q, k, v = (y.contiguous() for y in self._heads(x_t))
        o, state = linear_step(q, k, v, _turned_back(state), self.decay)
        return self._output(o, x_t), state

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.n_heads, -1)).unbind(-3)
        return q, k, v.contiguous()

    def _output(self, o: Tensor, x: Tensor) -> Tensor:
        gate = self.gate(x).unflatten(-1, (self.n_heads, -1))
        return self.out(rms_norm_gate(o, self.norm, gate).flatten(-2))


def _turned_back(state: Tensor) -> Tensor:
    """Each pair of key channels (i, i + K/2) of a state [B, H, K, V], turned by minus its angle a step."""
    pairs = state.shape[-2] // 2
    angles = BASE ** (-torch.arange(pairs, dtype=torch.float64, device=state.device) / pairs)
    cos, sin = (y.to(state.dtype).unsqueeze(-1) for y in (angles.cos(), angles.sin()))
    first, second = state.chunk(2, dim=-2)
    return torch.cat([first * cos + second * sin, second * cos - first * sin], dim=-2)
