"""Linear attention: Katharopoulos, Vyas, Pappas, Fleuret, "Transformers are RNNs: Fast Autoregressive Transformers with
Linear Attention" (2020, arXiv 2006.16236), equations 7 (feature map elu + 1) and 10 to 12 (causal sums, normalised).

As in the paper, the output is divided by the sum of the weights, with no norm, gate, convolution or decay.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear


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
        q, k, v = self.qkv(x).unflatten(-1, (3, self.n_heads, -1)).unbind(2)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        weighted, _ = chunk_linear(q, k, v.contiguous(), scale=1.0)
        weights = (q * k.cumsum(dim=1)).sum(dim=-1, keepdim=True)
        return self.out((weighted / (weights + 1e-6)).flatten(2))
