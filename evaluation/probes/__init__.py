"""Synthetic tasks that ask one thing each of a sequence mixer. numpy only, seeded; trained on and scored alike."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.probes import copying, recall

Tokens = NDArray[np.int64]
Probe = Callable[[np.random.Generator, int, int, int], tuple[Tokens, Tokens]]

PROBES: dict[str, Probe] = {"recall": recall.batch, "copy": copying.batch}


def mixed_batch(
    task: str, rng: np.random.Generator, rows: int, length: int, difficulties: Sequence[int]
) -> tuple[Tokens, Tokens]:
    """Tokens and targets [rows, length] at one of ``difficulties``, drawn: mixing makes hard cases learnable."""
    return PROBES[task](rng, rows, length, int(rng.choice(np.asarray(difficulties))))
