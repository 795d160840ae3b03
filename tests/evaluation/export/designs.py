"""Designs that loaders trip over."""

FORGETFUL = '''"""A mixer that computes with numbers that no state dict holds, and names kernels in every form."""

from __future__ import annotations

import math, kernels; import kernels as k
from typing import Any

import torch
from torch import Tensor, nn

from kernels.norm import l2_norm as unit


class Candidate(nn.Module):
    """Decaying sum of random features. «π»: imports are found by bytes, not by characters."""

    def __init__(self, d_model: int, n_heads: int, **kwargs: Any) -> None:
        super().__init__()
        self.inside = nn.Linear(d_model, d_model)
        self.outside = nn.Linear(d_model, d_model)
        self.register_buffer("features", torch.randn(d_model, d_model) / math.sqrt(d_model), persistent=False)
        self.register_buffer("seen", torch.tensor(3))
        self.shift = float(torch.rand(1).item())
        self.decay = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        b = self._read(x)
        return self.outside(k.linear_scan(self._kept(b), b) + self.shift)

    def init_state(self, batch_size: int) -> dict[str, Any]:
        return {"memory": [self.decay.new_zeros(batch_size, self.decay.shape[0])]}

    def step(self, x_t: Tensor, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        b = self._read(x_t)
        h = kernels.scan_step(self._kept(b), b, state["memory"][0])
        return self.outside(h + self.shift), {"memory": [h]}

    def _read(self, x: Tensor) -> Tensor:
        from kernels import (
            short_conv,  # another form, inside of a function
        )

        assert short_conv is kernels.short_conv
        assert unit is kernels.l2_norm
        return (k.norm.l2_norm(self.inside(x)) @ self.features).contiguous()

    def _kept(self, b: Tensor) -> Tensor:
        return self.decay.sigmoid().expand_as(b).contiguous()
'''

NO_STEP = '''"""A mixer of torch alone that cannot decode step by step."""

import torch
import torch.nn.functional as F
from torch import nn


class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.taps = nn.Parameter(torch.randn(d_model, 1, 5) * 0.4)

    def forward(self, x):
        return F.conv1d(F.pad(x.mT, (4, 0)), self.taps, groups=x.shape[-1]).mT
'''
