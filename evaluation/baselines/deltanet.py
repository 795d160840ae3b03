"""DeltaNet: Yang, Wang, Zhang, Shen, Kim, "Parallelizing Linear Transformers with the Delta Rule over Sequence Length"
(2024, arXiv 2406.06484), section 2.2 (the delta rule) and section 3 (the layer: short convolutions and SiLU on queries,
keys and values, queries and keys of unit length, a sigmoid write strength per head, RMSNorm before the output).
"""

import torch
from torch import Tensor, nn

from kernels import chunk_delta, conv_step, delta_step, l2_norm, rms_norm_gate, short_conv

TAPS = 4


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: each write first takes out what the state already answers to that key."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.conv = nn.Parameter(torch.empty(3 * d_model, TAPS).uniform_(-(TAPS**-0.5), TAPS**-0.5))
        self.beta = nn.Linear(d_model, n_heads, bias=False)
        self.norm = nn.Parameter(torch.ones(d_model // n_heads))
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._heads(short_conv(self.qkv(x), self.conv))
        o, _ = chunk_delta(q, k, v, self.beta(x).sigmoid())
        return self.out(rms_norm_gate(o, self.norm).flatten(-2))

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The inputs that the convolution still sees [B, TAPS - 1, 3 D] and the memory [B, H, K, V], both zero."""
        width = self.norm.shape[0]
        seen = self.conv.new_zeros(batch_size, TAPS - 1, self.conv.shape[0])
        return seen, self.conv.new_zeros(batch_size, self.n_heads, width, width)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and the state to the output [B, D] and the next state."""
        seen, memory = state
        qkv, seen = conv_step(self.qkv(x_t), self.conv, seen)
        o, memory = delta_step(*self._heads(qkv), self.beta(x_t).sigmoid(), memory)
        return self.out(rms_norm_gate(o, self.norm).flatten(-2)), (seen, memory)

    def _heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = qkv.unflatten(-1, (3, self.n_heads, -1)).unbind(-3)
        return l2_norm(q), l2_norm(k), v.contiguous()
