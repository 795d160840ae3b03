"""An RWKV-7-like layer: Peng, Zhang, Goldstein and others, "RWKV-7 'Goose' with Expressive Dynamic State Evolution"
(2025, arXiv 2503.14456), section 4: token shift, a decay per channel and time between exp(-exp(-1/2)) and 1, an
in-context learning rate a, the generalised delta rule, and the bonus of the present token.

Simplified where ``chunk_delta`` has one key and one write strength for a head. The paper's state changes by
Diag(w) - (a * key) key^T with a rate per channel; here a is one number a head and the change is (I - b key key^T)
Diag(w). b is a divided by what the decay leaves of the key's own entry, so that this entry changes exactly as in the
paper; other entries agree as far as a head's decays are equal, and b may exceed 1 as the paper's transition may turn a
sign. The removed and the written key have one direction: the paper's xi is absorbed by the key projection, and its
alpha is 1, where the authors' code starts it. Left out is the mixing of values with those of the first layer, which a
layer here does not see. Low-rank maps have rank 16. Each head's decays start evenly spaced over the authors' range.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_delta, delta_step

RANK = 16
LOWEST = -math.exp(-0.5)  # of the log decay
EPS = 1e-6


class Candidate(nn.Module):
    """[B, T, D] -> [B, T, D]: the state edits itself at rates that the input sets."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model is {d_model}, but a multiple of n_heads = {n_heads} is needed.")
        self.n_heads = n_heads
        width = d_model // n_heads
        ladder = torch.arange(d_model) / d_model
        self.shift = nn.Parameter(torch.cat([1 - ladder**power for power in (0.2, 0.9, 0.7, 0.7, 0.9, 0.2)]))
        self.r = nn.Linear(d_model, d_model, bias=False)
        self.k = nn.Linear(d_model, d_model, bias=False)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.decay = nn.Sequential(nn.Linear(d_model, RANK, bias=False), nn.Tanh(), nn.Linear(RANK, d_model))
        self.rate = nn.Linear(d_model, n_heads)
        self.gate = nn.Sequential(
            nn.Linear(d_model, RANK, bias=False), nn.Sigmoid(), nn.Linear(RANK, d_model, bias=False)
        )
        self.bonus = nn.Parameter(torch.zeros(d_model))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(d_model, d_model, bias=False)
        with torch.no_grad():
            self.decay[-1].bias.copy_(torch.linspace(-5.5, 0.5, width).repeat(n_heads))

    def forward(self, x: Tensor) -> Tensor:
        r, k, v, beta, decay, bonus, gate = self._terms(x, F.pad(x, (0, 0, 1, -1)))
        o, _ = chunk_delta(r, k, v, beta, decay)
        return self._output(o, bonus, gate)

    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The input before [B, D] and the memory [B, H, K, V], both zero."""
        width = self.bonus.shape[0] // self.n_heads
        before = self.bonus.new_zeros(batch_size, self.bonus.shape[0])
        return before, self.bonus.new_zeros(batch_size, self.n_heads, width, width)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[B, D] and the state to the output [B, D] and the next state."""
        before, memory = state
        r, k, v, beta, decay, bonus, gate = self._terms(x_t, before)
        o, memory = delta_step(r, k, v, beta, memory, decay)
        return self._output(o, bonus, gate), (x_t, memory)

    def _terms(self, x: Tensor, before: Tensor) -> tuple[Tensor, ...]:
        """What the delta rule takes, the bonus [..., H, V] and the gate [..., D]."""
        for_r, for_decay, for_k, for_v, for_rate, for_gate = (x + (before - x) * share for share in self.shift.chunk(6))
        r, k, v, decay = (
            y.unflatten(-1, (self.n_heads, -1))
            for y in (self.r(for_r), self.k(for_k), self.v(for_v), LOWEST * self.decay(for_decay).sigmoid())
        )
        rate = self.rate(for_rate).sigmoid()
        squared = k.square().sum(dim=-1) + EPS
        left = ((k.square() * decay.exp()).sum(dim=-1) + EPS) / squared
        length = squared.sqrt()
        # The rule writes beta * key * value, with a key of unit length and beta = rate / left: make it rate * k * v.
        written = v * (length * left).unsqueeze(-1)
        bonus = (rate * (r * self.bonus.unflatten(0, (self.n_heads, -1)) * k).sum(dim=-1)).unsqueeze(-1) * v
        return r, k / length.unsqueeze(-1), written, rate / left, decay, bonus, self.gate(for_gate)

    def _output(self, o: Tensor, bonus: Tensor, gate: Tensor) -> Tensor:
        return self.out((self.norm(o) + bonus).flatten(-2) * gate)
