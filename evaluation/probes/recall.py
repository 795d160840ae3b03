"""In-context recall: a sequence of (key, value) pairs; wherever a key comes again, its value must follow.

After the associative recall of Arora et al. 2023, "Zoology" (arXiv:2312.04927), with a target at every repeated key
instead of a few queries at the end: dense targets make the score graded rather than a matter of luck.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

KEYS = 32  # tokens 0..31
VALUES = 16  # tokens 32..47


def batch(rng: np.random.Generator, rows: int, length: int, keys: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except at keys seen before.

    Each row draws its own ``keys`` distinct keys and a value for each. Raises ValueError for more keys than exist.
    """
    if not 1 <= keys <= KEYS:
        raise ValueError(f"recall was asked for {keys} keys; choose 1 to {KEYS}.")
    pairs = length // 2
    key_tokens = np.argsort(rng.random((rows, KEYS)), axis=1)[:, :keys]
    value_tokens = KEYS + rng.integers(0, VALUES, size=(rows, keys))
    drawn = rng.integers(0, keys, size=(rows, pairs))
    same = drawn[:, :, None] == drawn[:, None, :]
    seen_before = np.tril(same, k=-1).any(axis=2)
    chosen_values = np.take_along_axis(value_tokens, drawn, axis=1)
    tokens = np.zeros((rows, length), dtype=np.int64)
    tokens[:, 0 : 2 * pairs : 2] = np.take_along_axis(key_tokens, drawn, axis=1)
    tokens[:, 1 : 2 * pairs : 2] = chosen_values
    targets = np.full((rows, length), IGNORED, dtype=np.int64)
    targets[:, 0 : 2 * pairs : 2] = np.where(seen_before, chosen_values, IGNORED)
    return tokens, targets
