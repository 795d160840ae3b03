"""A correct layer in plain torch: per channel, a moving average whose forgetting and writing the token sets.

Comments that begin with "here" mark where ``tests.seeded_bugs.edit`` puts the lines of a bug or a control.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPS = 3
CHUNK = 16

# here: top


def scan(a: Tensor, b: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t for a, b [B, T, D]: inside all chunks at once, then from chunk to chunk."""
    length = b.shape[1]
    a, b = (F.pad(z, (0, 0, 0, -length % CHUNK)).unflatten(1, (-1, CHUNK)) for z in (a, b))
    inside, kept = [torch.zeros_like(b[:, :, 0])], [torch.ones_like(a[:, :, 0])]
    for a_t, b_t in zip(a.unbind(2), b.unbind(2), strict=True):
        inside.append(a_t * inside[-1] + b_t)
        kept.append(a_t * kept[-1])
    entering = [torch.zeros_like(b[:, 0, 0])]
    for last, factor in zip(inside[-1].unbind(1), kept[-1].unbind(1), strict=True):
        entering.append(factor * entering[-1] + last)
    before = torch.stack(entering[:-1], dim=1).unsqueeze(2)
    h = torch.stack(inside[1:], dim=2) + torch.stack(kept[1:], dim=2) * before
    return h.flatten(1, 2)[:, :length]


class Candidate(nn.Module):
    def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.randn(d_model, TAPS) / TAPS**0.5)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.keep = nn.Linear(d_model, d_model)
        self.write = nn.Linear(d_model, d_model)
        self.gate = nn.Linear(d_model, d_model)
        self.out = nn.Linear(d_model, d_model, bias=False)
        # here: init

    def forward(self, x: Tensor) -> Tensor:
        h = F.rms_norm(x, x.shape[-1:], eps=1e-6)
        # here: stream
        padded = F.pad(h, (0, 0, TAPS - 1, 0))
        u = F.silu(sum(padded[:, j : j + h.shape[1]] * self.taps[:, j] for j in range(TAPS)))
        keep, write = torch.sigmoid(self.keep(u) + 2), torch.sigmoid(self.write(u))
        o = scan(keep, write * self.v(u)) / scan(keep, write)
        # here: mixed
        y = self.out(o * torch.sigmoid(self.gate(h)))
        # here: outputs
        return y  # noqa: RET504

    # here: methods
    # here: decoding
    def init_state(self, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        d_model = self.taps.shape[0]
        recent = self.taps.new_zeros(batch_size, TAPS - 1, d_model)
        return recent, recent[:, 0], recent[:, 0]

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        recent, above, below = state
        h = F.rms_norm(x_t, x_t.shape[-1:], eps=1e-6)
        recent = torch.cat([recent, h.unsqueeze(1)], dim=1)
        u = F.silu((recent * self.taps.mT).sum(1))
        kept, weight = torch.sigmoid(self.keep(u) + 2), torch.sigmoid(self.write(u))
        written = weight * self.v(u)
        # here: step_writes
        above, below = kept * above + written, kept * below + weight
        total, share = above, below
        o = total / share
        # here: step_reads
        return self.out(o * torch.sigmoid(self.gate(h))), (recent[:, 1:], above, below)
