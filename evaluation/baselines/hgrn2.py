"""HGRN2: Qin, Yang, Sun, Shen, Li, Sun, Zhong, "HGRN2: Gated Linear RNNs with State Expansion" (2024,
arXiv 2404.07904), section 3: the forget gate's complement is the key, the output gate the query, and outer products
with the values expand the state at no parameters.

The paper gives each layer its lower bound of the forget gate by a learnt cumulative softmax over all layers, from 0 in
the first to nearly 1 in the last. A layer here knows no other, so each head's channels learn bounds of their own, which
start evenly spaced from 0 to 1. The output norm is RMSNorm. Heads are d_model / n_heads wide.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear, linear_step, rms_norm_gate


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: each channel writes as much as it has just forgotten."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads = n_heads
        width = d_model // n_heads
        self.qfv = nn.Linear(d_model, 3 * d_model, bias=False)
        bounds = (torch.arange(width) + 0.5) / width
        self.bound = nn.Parameter(torch.logit(bounds).repeat(n_heads))
        self.norm = nn.Parameter(torch.ones(d_model))
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        o, _ = chunk_linear(*self._heads(x))
        return self.out(rms_norm_gate(o.flatten(-2), self.norm))

    def init_state(self, batch_size: int) -> Tensor:
        """Zeros [B, H, K, V]."""
        width = self.bound.shape[0] // self.n_heads
        return self.norm.new_zeros(batch_size, self.n_heads, width, width)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """[B, D] and the state to the output [B, D] and the next state."""
        q, k, v, decay = self._heads(x_t)
        o, state = linear_step(q, k, v, state, decay)
        return self.out(rms_norm_gate(o.flatten(-2), self.norm)), state

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys, values and log decays, [..., H, K or V]."""
        q, f, v = self.qfv(x).unflatten(-1, (3, self.n_heads, -1)).unbind(-3)
        bound = self.bound.sigmoid().unflatten(0, (self.n_heads, -1))
        kept = bound + (1 - bound) * f.sigmoid()
        return q.sigmoid(), 1 - kept, F.silu(v), kept.log()
