"""A correct layer built on kernels: linear attention that forgets per head, divided by what it wrote.

Comments that begin with "here" mark where ``tests.seeded_bugs.edit`` puts the lines of a bug or a control.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels import chunk_linear, short_conv

TAPS = 4

# here: top


class Candidate(nn.Module):
    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.taps = nn.Parameter(torch.randn(d_model, TAPS) / TAPS**0.5)
        self.q = nn.Linear(d_model, d_model, bias=False)
        self.k = nn.Linear(d_model, d_model, bias=False)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.keep = nn.Linear(d_model, n_heads)
        self.gate = nn.Linear(d_model, d_model)
        self.out = nn.Linear(d_model, d_model, bias=False)
        # here: init

    def forward(self, x: Tensor) -> Tensor:
        h = F.rms_norm(x, x.shape[-1:], eps=1e-6)
        # here: stream
        q, k, v, decay = self.project(short_conv(h, self.taps))
        ones = torch.ones_like(v[..., :1])
        read, _ = chunk_linear(q, k, torch.cat([v, ones], dim=-1), decay)  # [B, T, H, V + 1]
        o = (read[..., :-1] / read[..., -1:]).flatten(2)
        # here: mixed
        y = self.out(o * torch.sigmoid(self.gate(h)))
        # here: outputs
        return y  # noqa: RET504

    def project(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys and values [..., H, K] and log decays [..., H] of a stream [..., D]."""
        q, k, v = (projected(u).unflatten(-1, (self.n_heads, -1)) for projected in (self.q, self.k, self.v))
        return F.elu(q) + 1, F.elu(k) + 1, v, F.logsigmoid(self.keep(u) + 2)

    # here: methods
    # here: decoding
    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        d_model, heads = self.taps.shape[0], self.n_heads
        width = d_model // heads
        recent = self.taps.new_zeros(batch_size, TAPS - 1, d_model)
        above = self.taps.new_zeros(batch_size, heads, width, width)
        return recent, above, above[..., :1]

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        recent, above, below = state
        h = F.rms_norm(x_t, x_t.shape[-1:], eps=1e-6)
        recent = torch.cat([recent, h.unsqueeze(1)], dim=1)
        q, k, v, decay = self.project(F.silu((recent * self.taps.mT).sum(1)))
        kept = decay.exp()[..., None, None]
        written, weight = k.unsqueeze(-1) * v.unsqueeze(-2), k.unsqueeze(-1)
        # here: step_writes
        above, below = kept * above + written, kept * below + weight
        total, share = (q.unsqueeze(-2) @ above).flatten(1), (q.unsqueeze(-2) @ below).expand_as(v.unsqueeze(-2))
        o = total / share.flatten(1)
        # here: step_reads
        return self.out(o * torch.sigmoid(self.gate(h))), (recent[:, 1:], above, below)
