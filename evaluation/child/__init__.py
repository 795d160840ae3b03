"""Entry of every child: ``python -I -m evaluation.child check|train|score|serve``, its folder as working directory.

A child only turns inputs into raw arrays. It holds no verdict, no target and no secret.
"""

from pathlib import Path

import torch

from evaluation import optimise
from evaluation.child import check, score, serve

_MODES = {"check": check.run, "train": optimise.run, "score": score.run, "serve": serve.run}


def main(mode: str) -> None:
    """Run ``mode`` on the current folder."""
    torch.set_num_threads(1)
    _MODES[mode](Path.cwd())
