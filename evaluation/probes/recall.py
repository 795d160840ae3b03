"""In-context recall: a sequence of (key, value) pairs; wherever a key comes again, its value must follow.

After the associative recall of Arora et al. 2023, "Zoology" (arXiv:2312.04927), with a target at every repeated key
instead of a few queries at the end: dense targets make the score graded rather than a matter of luck.

Chance: 1 in 16.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

Tokens = NDArray[np.int64]

KEYS = 32  # tokens 0..31
VALUES = 16  # tokens 32..47


def batch(rng: np.random.Generator, rows: int, length: int, keys: int) -> tuple[Tokens, Tokens]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except at keys seen before.

    Each row draws its own ``keys`` distinct keys and a value for each. Raises ValueError for more keys than exist.
    """
    pairs = length // 2
    shown_keys, shown_values, again = draw_pairs(rng, rows, pairs, keys)
    tokens = np.zeros((rows, length), dtype=np.int64)
    tokens[:, 0 : 2 * pairs : 2] = shown_keys
    tokens[:, 1 : 2 * pairs : 2] = shown_values
    targets = np.full((rows, length), IGNORED, dtype=np.int64)
    targets[:, 0 : 2 * pairs : 2] = np.where(again, shown_values, IGNORED)
    return tokens, targets


def draw_pairs(rng: np.random.Generator, rows: int, pairs: int, keys: int) -> tuple[Tokens, Tokens, NDArray[np.bool_]]:
    """Keys and values of every pair, and whether the key came before in its row: each [rows, pairs]."""
    if not 1 <= keys <= KEYS:
        raise ValueError(f"recall was asked for {keys} keys; choose 1 to {KEYS}.")
    key_tokens = np.argsort(rng.random((rows, KEYS)), axis=1)[:, :keys]
    value_tokens = KEYS + rng.integers(0, VALUES, size=(rows, keys))
    drawn = rng.integers(0, keys, size=(rows, pairs))
    shown_keys, shown_values = (np.take_along_axis(known, drawn, axis=1) for known in (key_tokens, value_tokens))
    return shown_keys, shown_values, seen_before(drawn)


def seen_before(drawn: Tokens) -> NDArray[np.bool_]:
    """Whether each entry of [rows, n] is also in its row further left."""
    same = drawn[:, :, None] == drawn[:, None, :]
    return np.asarray(np.tril(same, k=-1).any(axis=2))
