"""Linear attention: Katharopoulos, Vyas, Pappas, Fleuret, "Transformers are RNNs: Fast Autoregressive Transformers with
Linear Attention" (2020, arXiv 2006.16236), equations 7 (feature map elu + 1) and 10 to 12 (causal sums, normalised).

As in the paper, the output is divided by the sum of the weights, with no norm, gate, convolution or decay.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear, linear_step


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: each step reads an ever-growing sum of key-value products."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._heads(x)
        weighted, _ = chunk_linear(q, k, v, scale=1.0)
        return self._mean(weighted, q, k.cumsum(dim=1))

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The sums of key-value products and of keys, both zero."""
        width = self.out.in_features // self.n_heads
        dtype = torch.promote_types(self.out.weight.dtype, torch.float32)  # half types cannot hold long sums
        products = self.out.weight.new_zeros(batch_size, self.n_heads, width, width, dtype=dtype)
        return products, products.new_zeros(batch_size, self.n_heads, width)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and the state to the output [B, D] and the next state."""
        products, keys = state
        q, k, v = self._heads(x_t)
        weighted, products = linear_step(q, k, v, products, scale=1.0)
        keys = keys + k
        return self._mean(weighted, q, keys.to(q.dtype)), (products, keys)

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.n_heads, -1)).unbind(-3)
        return F.elu(q) + 1, F.elu(k) + 1, v.contiguous()

    def _mean(self, weighted: Tensor, q: Tensor, keys: Tensor) -> Tensor:
        weights = (q * keys).sum(dim=-1, keepdim=True)
        return self.out((weighted / (weights + 1e-6)).flatten(-2))
