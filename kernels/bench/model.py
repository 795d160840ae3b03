"""A whole small model with a mixer of ours and with softmax attention: what an op is worth in training.

0.9M parameters: width 128, 4 layers, an MLP of 4 times the width. Each training step sees 8,192 tokens, under bfloat16
autocast; the recurrence itself stays in float32.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import kernels

WIDTH, LAYERS, WORDS, TOKENS = 128, 4, 512, 8192


class GatedDelta(nn.Module):
    """Gated DeltaNet's mixing, without its convolutions and output gate: as many parameters as attention."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv_and_rates = nn.Linear(WIDTH, 3 * WIDTH + 2 * heads, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v, beta, decay = self.qkv_and_rates(x).split([WIDTH] * 3 + [self.heads] * 2, dim=-1)
        q, k, v = (one.unflatten(-1, (self.heads, -1)) for one in (q, k, v))
        o, _ = kernels.chunk_delta(
            kernels.l2_norm(q), kernels.l2_norm(k), v.contiguous(), beta.sigmoid(), F.logsigmoid(decay.float() + 4)
        )
        y: Tensor = self.out(o.flatten(2))
        return y


class Attention(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (one.transpose(1, 2) for one in self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y: Tensor = self.out(o.transpose(1, 2).flatten(2))
        return y


class Model(nn.Module):
    """Embedding, pre-norm layers, a head that is the embedding."""

    def __init__(self, mixer: Callable[[int], nn.Module], heads: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.mixers = nn.ModuleList(mixer(heads) for _ in range(LAYERS))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(approximate="tanh"), nn.Linear(4 * WIDTH, WIDTH))
            for _ in range(LAYERS)
        )
        self.norms = nn.ModuleList(nn.RMSNorm(WIDTH) for _ in range(2 * LAYERS + 1))

    def forward(self, words: Tensor) -> Tensor:
        x = self.embedding(words)
        for n, (mixer, mlp) in enumerate(zip(self.mixers, self.mlps, strict=True)):
            x = x + mixer(self.norms[2 * n](x))
            x = x + mlp(self.norms[2 * n + 1](x))
        logits: Tensor = F.linear(self.norms[-1](x), self.embedding.weight)
        return logits


def training_step(mixer: Callable[[int], nn.Module], heads: int, length: int, device: str) -> Callable[[], object]:
    """One step of AdamW on 8,192 random tokens in sequences of ``length``."""
    torch.manual_seed(0)
    model = Model(mixer, heads).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    words = torch.randint(WORDS, (TOKENS // length, length), device=device)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16):
            logits = model(words)
        F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), words[:, 1:].flatten()).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step
