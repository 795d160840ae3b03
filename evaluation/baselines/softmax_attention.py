"""Softmax attention: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin, "Attention Is All You Need"
(2017, arXiv 1706.03762), equation 1 and section 3.2.2, causal.

Positions are rotary instead of the paper's sinusoids: Su, Lu, Pan, Murtadha, Wen, Liu, "RoFormer: Enhanced Transformer
with Rotary Position Embedding" (2021, arXiv 2104.09864), equation 34. No biases.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import rotary


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D], every step attending to itself and all steps before it; T squared in cost."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % (2 * n_heads):
            raise ValueError(
                f"d_model is {d_model}, but a multiple of 2 * n_heads = {2 * n_heads} is needed for rotary pairs."
            )
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.n_heads, -1)).unbind(2)
        q, k, v = (y.transpose(1, 2) for y in (rotary(q), rotary(k), v))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(o.transpose(1, 2).flatten(2))

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """No keys and no values yet; both grow by one at each step."""
        none = self.out.weight.new_zeros(batch_size, 0, self.n_heads, self.out.in_features // self.n_heads)
        return none, none

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and all keys and values so far to the output [B, D] and the next state."""
        q, k, v = self.qkv(x_t).unflatten(-1, (3, 1, self.n_heads, -1)).unbind(1)
        turned = rotary(k.expand(-1, state[0].shape[1] + 1, -1, -1))[:, -1:]
        keys, values = torch.cat([state[0], turned], dim=1), torch.cat([state[1], v], dim=1)
        q = rotary(q.expand_as(keys))[:, -1:]
        o = F.scaled_dot_product_attention(*(y.transpose(1, 2) for y in (q, keys, values)))
        return self.out(o.flatten(1)), (keys, values)
