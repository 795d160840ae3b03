"""Entry of every child process: ``python -I -m evaluation.child check|train|score``, its folder as working directory.

A child only turns inputs into raw arrays. It holds no verdict, no target and no secret.
"""

import sys
from pathlib import Path

import torch

from evaluation import forward, optimise

_MODES = {"check": forward.run_check, "train": optimise.run, "score": forward.run_score}


def main(mode: str) -> None:
    """Run ``mode`` on the current folder."""
    torch.set_num_threads(1)
    _MODES[mode](Path.cwd())


if __name__ == "__main__":
    main(sys.argv[1])
