"""The model around a candidate mixer: token embedding, pre-norm residual layers with a SwiGLU MLP, norm and head.

Each position also sees the embedding of the token before it through a learnt gain per channel ("smear"). All designs
get this for free, so that the probes measure memory and not how soon a design finds a previous-token circuit.
The head is the embedding again (Press and Wolf 2017, arXiv:1608.05859), scaled by sqrt(d_model) on the way in as in
Vaswani et al. 2017 (arXiv:1706.03762): the probes are learnt several times sooner than with a head of its own.

Everything but the mixer is equal for all designs, and initialised from its own random stream so that a design's draws
cannot change it. Imported by children only: the parent never loads torch.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from evaluation.scales.frame import Frame


class RMSNorm(nn.Module):
    """Root-mean-square norm with a learnt gain (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)
        return normed


class SwiGLU(nn.Module):
    """Gated MLP, silu(gate) * up (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, d_model: int, hidden: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(d_model, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, d_model, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        out: torch.Tensor = self.down(F.silu(gate) * up)
        return out


class Layer(nn.Module):
    """One residual layer: x + mixer(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, mixer: nn.Module, d_model: int, hidden: int) -> None:
        super().__init__()
        self.mixer_norm = RMSNorm(d_model)
        self.mixer = mixer
        self.mlp_norm = RMSNorm(d_model)
        self.mlp = SwiGLU(d_model, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.mixer(self.mixer_norm(x))
        out: torch.Tensor = x + self.mlp(self.mlp_norm(x))
        return out


class Model(nn.Module):
    """Tokens [B, T] to logits [B, T, vocabulary], float32."""

    def __init__(self, candidate: type[nn.Module], scale: Frame, mlp_hidden: int, seed: int) -> None:
        super().__init__()
        d_model = scale.d_model
        mixers: list[nn.Module] = []
        for layer in range(scale.n_layers):
            torch.manual_seed(seed * 1000 + layer)
            mixers.append(candidate(d_model, scale.n_heads))
        self.embedding = nn.Embedding(scale.vocabulary, d_model)
        self.smear = nn.Parameter(torch.empty(d_model))
        self.layers = nn.ModuleList(Layer(mixer, d_model, mlp_hidden) for mixer in mixers)
        self.norm = RMSNorm(d_model)
        self._initialise_frame(seed, scale.n_layers)
        self.float()

    def _initialise_frame(self, seed: int, n_layers: int) -> None:
        stream = torch.Generator().manual_seed(seed * 1000 + 999)
        nn.init.normal_(self.embedding.weight, std=self.embedding.embedding_dim**-0.5, generator=stream)
        nn.init.normal_(self.smear, std=0.7, generator=stream)
        for layer in self.layers.children():
            assert isinstance(layer, Layer)
            nn.init.normal_(layer.mlp.gate_up.weight, std=layer.mlp.gate_up.in_features**-0.5, generator=stream)
            std = layer.mlp.down.in_features**-0.5 / math.sqrt(2 * n_layers)
            nn.init.normal_(layer.mlp.down.weight, std=std, generator=stream)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(tokens))

    def embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        """What a token brings along, before it sees the one before it."""
        x: torch.Tensor = self.embedding(tokens) * math.sqrt(self.embedding.embedding_dim)
        return x

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens [B, T] to what the head reads, [B, T, D]."""
        x = self.embedded(tokens)
        x = x + self.smear * F.pad(x, (0, 0, 1, -1))
        for layer in self.layers:
            x = layer(x)
        return x

    def head(self, x: torch.Tensor) -> torch.Tensor:
        """[..., D] to logits [..., vocabulary]."""
        return F.linear(self.norm(x), self.embedding.weight)
