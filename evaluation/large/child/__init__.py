"""Entry of the children of a large scale: ``python -I -m evaluation.large.child MODE``, in a folder of their own.

train starts the ranks of a run (itself, or through torchrun), rank is one of several, losses scores saved weights on
windows of text, rows on questions of different lengths, devices counts GPUs.
"""

import os
import sys
from pathlib import Path

import torch

# Each mode imports its own: torch.distributed takes a second that scoring need not wait for.


def main(mode: str) -> None:
    """Run ``mode`` on the current folder."""
    torch.set_num_threads(1)
    if mode == "devices":
        from evaluation.large.child import devices

        devices.tell()
    elif mode == "train":
        from evaluation.large.child import starting

        starting.run(Path.cwd())
    elif mode == "rank":
        _rank(Path.cwd())
    elif mode == "losses":
        from evaluation.large.child import losses

        losses.run(Path.cwd())
    elif mode == "rows":
        from evaluation.large.child import rows

        rows.run(Path.cwd())
    else:
        raise ValueError(f"{mode!r} is no mode: choose devices, train, rank, losses or rows.")


def _rank(folder: Path) -> None:
    from evaluation.large.child import training

    try:
        training.run(folder)
    except SystemExit as ending:
        # A rank that gives up must not wait, in the clean-up of the process group, for others that wait for it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ending.code if isinstance(ending.code, int) else 1)
