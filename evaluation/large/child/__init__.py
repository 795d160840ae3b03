"""Entry of the children of a large scale: ``python -I -m evaluation.large.child MODE``, in a folder of their own.

train starts the ranks of a run (itself, or through torchrun), rank is one of several, losses scores saved weights,
devices counts GPUs.
"""

import os
import sys
from pathlib import Path

import torch

from evaluation.large.child import losses, starting, training


def main(mode: str) -> None:
    """Run ``mode`` on the current folder."""
    torch.set_num_threads(1)
    if mode == "devices":
        starting.tell_devices()
    elif mode == "train":
        starting.run(Path.cwd())
    elif mode == "losses":
        losses.run(Path.cwd())
    elif mode == "rank":
        _end_at_once(Path.cwd())
    else:
        raise ValueError(f"{mode!r} is no mode: choose devices, train, rank or losses.")


def _end_at_once(folder: Path) -> None:
    # A rank that gives up must not wait, in the clean-up of the process group, for others that wait for it.
    try:
        training.run(folder)
    except SystemExit as ending:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ending.code if isinstance(ending.code, int) else 1)
