"""Based: Arora, Eyuboglu, Zhang, Timalsina, Alberti, Zinsley, Zou, Rudra, Re, "Simple linear attention language models
balance the recall-throughput tradeoff" (2024, arXiv 2402.18668), section 4.1 (linear attention whose feature map is the
second-order Taylor expansion of the exponential, queries and keys projected to a few channels) and section 4.2 (exact
attention over a small window).

The paper has layers of either kind, and gated convolutions as a third. Here all layers are alike, so half of each
layer's heads are of either kind, and there is no convolution. The Taylor heads have 10 channels instead of 16, and each
product of two channels once instead of twice: 66 features, about the state of the DeltaNet baseline over all heads. As
in the paper their output is divided by the sum of its weights, and there is no norm, gate or decay. The window is 16
steps (the paper's is 64, of 2,048), with rotary positions.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear, linear_step, rotary, window_attention

CHANNELS = 10
WINDOW = 16

Memory = tuple[Tensor, Tensor, Tensor, Tensor]


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: half of the heads approximate attention to all steps, half attend exactly to the last."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if n_heads % 2 or d_model % (2 * n_heads):
            raise ValueError(
                f"d_model is {d_model} and n_heads {n_heads}, but an even number of heads, each of an even width, is "
                "needed: half of them attend to a window, with rotary pairs."
            )
        self.heads, self.width = n_heads // 2, d_model // n_heads
        self.qk = nn.Linear(d_model, 2 * self.heads * CHANNELS, bias=False)
        self.v = nn.Linear(d_model, d_model // 2, bias=False)
        self.near_qkv = nn.Linear(d_model, 3 * d_model // 2, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._far(x)
        weighted, _ = chunk_linear(q, k, v, scale=1.0)
        near_q, near_k, near_v = self._near(x)
        near = window_attention(rotary(near_q), rotary(near_k), near_v, WINDOW)
        return self._output(weighted, q, k.cumsum(dim=1), near)

    def init_state(self, batch_size: int) -> Memory:
        """The sums of key-value products and of keys, both zero, and no keys and values of the window yet."""
        features = 1 + CHANNELS + CHANNELS * (CHANNELS + 1) // 2
        dtype = torch.promote_types(self.out.weight.dtype, torch.float32)  # half types cannot hold long sums
        products = self.out.weight.new_zeros(batch_size, self.heads, features, self.width, dtype=dtype)
        none = self.out.weight.new_zeros(batch_size, 0, self.heads, self.width)
        return products, products.new_zeros(batch_size, self.heads, features), none, none

    def step(self, x_t: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        """[B, D] and the state, which ends at WINDOW keys and values, to the output [B, D] and the next state."""
        products, sums, keys, values = state
        q, k, v = self._far(x_t)
        weighted, products = linear_step(q, k, v, products, scale=1.0)
        sums = sums + k
        near_q, near_k, near_v = self._near(x_t.unsqueeze(1))
        keys, values = (torch.cat(pair, dim=1)[:, -WINDOW:] for pair in ((keys, near_k), (values, near_v)))
        # Only distances count in rotary positions: the oldest step of the window is position 0, the present one last.
        near_q = rotary(near_q.expand_as(keys))[:, -1:]
        near = F.scaled_dot_product_attention(*(y.transpose(1, 2) for y in (near_q, rotary(keys), values))).squeeze(2)
        return self._output(weighted, q, sums.to(q.dtype), near), (products, sums, keys, values)

    def _far(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k = _taylor(self.qk(x).unflatten(-1, (2, self.heads, CHANNELS))).unbind(-3)
        return q.contiguous(), k.contiguous(), self.v(x).unflatten(-1, (self.heads, -1))

    def _near(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.near_qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        return q, k, v

    def _output(self, weighted: Tensor, q: Tensor, sums: Tensor, near: Tensor) -> Tensor:
        far = weighted / (q * sums).sum(dim=-1, keepdim=True)  # each weight is at least 1/2
        return self.out(torch.cat([far, near], dim=-2).flatten(-2))


def _taylor(x: Tensor) -> Tensor:
    """Features of x [..., C] with phi(x) . phi(y) = 1 + s + s^2 / 2, where s = x . y / sqrt(C)."""
    x = x * x.shape[-1] ** -0.25
    squares = x.square() / math.sqrt(2)
    products = [x[..., i : i + 1] * x[..., i + 1 :] for i in range(x.shape[-1] - 1)]  # twice in the square, so whole
    return torch.cat([torch.ones_like(x[..., :1]), x, squares, *products], dim=-1)
