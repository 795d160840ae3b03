"""Fuzzy recall: keys and values are words of several letters, and only the whole word says which key it is.

After the fuzzy in-context recall of the MAD suite, Poli et al. 2024 (arXiv:2403.17844): keys and values there are one
to three tokens long. Changed: every key and every value has two letters, so that what has been read always says where
a key ends; letters are few, so that many keys share each of them; and all letters of the value of a repeated key are
scored, as in evaluation/probes/recall.py.

Chance: 1 in 8.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED
from evaluation.probes.recall import seen_before

LETTERS = 8  # tokens 0..7 spell keys, 8..15 values
WORDS = LETTERS**2
SPAN = 4  # tokens of a pair


def batch(rng: np.random.Generator, rows: int, length: int, keys: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except where a repeated key's value must be spelt.

    Each row draws its own ``keys`` distinct keys and a value for each; the last pair may be cut off. Raises ValueError
    for more keys than exist or than the row has pairs.
    """
    most = min(WORDS, length // SPAN)
    if not 1 <= keys <= most:
        raise ValueError(f"fuzzy recall was asked for {keys} keys in {length} tokens; choose 1 to {most}.")
    pairs = -(-length // SPAN)
    key_words = np.argsort(rng.random((rows, WORDS)), axis=1)[:, :keys]
    value_words = rng.integers(0, WORDS, size=(rows, keys))
    drawn = rng.integers(0, keys, size=(rows, pairs))
    key, value = (np.take_along_axis(known, drawn, axis=1) for known in (key_words, value_words))
    first, second = LETTERS + value // LETTERS, LETTERS + value % LETTERS
    tokens = np.stack([key // LETTERS, key % LETTERS, first, second], axis=2)
    again = seen_before(drawn)
    targets = np.full((rows, pairs, SPAN), IGNORED, dtype=np.int64)
    targets[:, :, 1] = np.where(again, first, IGNORED)
    targets[:, :, 2] = np.where(again, second, IGNORED)
    return tokens.reshape(rows, -1)[:, :length], targets.reshape(rows, -1)[:, :length]
