"""Linear attention in fla's decaying and normalised forms, by a constructor that takes everything as options.

It returns the tensor alone, and takes neither a mask nor a cache.
"""

import torch
from fla.ops.linear_attn import chunk_linear_attn
from fla.ops.retention import chunk_retention
from torch import nn


class Mixer(nn.Module):
    def __init__(self, **options):
        super().__init__()
        width, self.heads = options["hidden_size"], options["num_heads"]
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.balance = nn.Parameter(torch.zeros(self.heads, 1))

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        q, k = q.exp(), k.exp()
        share = self.balance.sigmoid()
        return (share * chunk_linear_attn(q, k, v)[0] + (1 - share) * chunk_retention(q, k, v)[0]).flatten(2)


DeltaNet = Mixer
