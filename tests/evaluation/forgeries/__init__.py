"""Designs that try to score better than they are, as the text of their files. None of them would pass the static gate.

Each begins as ``TWIN``, an honest running mean with one matrix, and keeps its parameters, so that twin and forger can
be trained and scored on the same seed, and on the same weights.
"""

TWIN = """
import json, os, sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.inner = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        h = self.inner(x)
        return h.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


Twin = Candidate
"""
