"""Synthetic tasks that ask one thing each of a sequence mixer. numpy only, seeded; trained on and scored alike."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.probes import (
    compression,
    copying,
    fuzzy_recall,
    memorisation,
    multi_query,
    noisy_recall,
    parity,
    permutations,
    recall,
)

Tokens = NDArray[np.int64]
Probe = Callable[[np.random.Generator, int, int, int], tuple[Tokens, Tokens]]

PROBES: dict[str, Probe] = {  # task -> its generator; a scale's plans name tasks
    "recall": recall.batch,
    "copy": copying.batch,
    "mqar": multi_query.batch,
    "fuzzy_recall": fuzzy_recall.batch,
    "noisy_recall": noisy_recall.batch,
    "memorisation": memorisation.batch,
    "compression": compression.batch,
    "parity": parity.batch,
    "s3": permutations.batch,
}


def mixed_batch(
    task: str, rng: np.random.Generator, rows: int, length: int, difficulties: Sequence[int]
) -> tuple[Tokens, Tokens]:
    """Tokens and targets [rows, length] at one of ``difficulties``, drawn: mixing makes hard cases learnable."""
    return PROBES[task](rng, rows, length, int(rng.choice(np.asarray(difficulties))))


def data_seed(task: str, seed: int) -> list[int]:
    """Entropy of a task's training data: another for every task, and for every seed."""
    name = task.encode()
    # The tasks that results were first recorded on keep their streams, which length and first letter told apart.
    return [seed, len(name), *(name[:1] if task in ("text", "recall", "copy") else name)]
