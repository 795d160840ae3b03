"""Noisy recall: in-context recall with tokens between the pairs that mean nothing and must not be remembered.

After the noisy in-context recall of the MAD suite, Poli et al. 2024 (arXiv:2403.17844): there, noise from a vocabulary
of its own takes the place of one pair in five. Changed: half of all tokens are noise, in runs of any length, so that
the distance between pairs says nothing; and there is a target at every repeated key, as in evaluation/probes/recall.py.

Chance: 1 in 16.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED
from evaluation.probes.recall import KEYS, VALUES, draw_pairs

NOISE = 16  # tokens 48..63
FIRST_NOISE = KEYS + VALUES


def batch(rng: np.random.Generator, rows: int, length: int, keys: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except at keys seen before.

    Each row draws its own ``keys`` distinct keys and a value for each. Raises ValueError for more keys than exist or
    than the row has pairs.
    """
    pairs = length // 4
    if not 1 <= keys <= min(KEYS, pairs):
        raise ValueError(f"noisy recall was asked for {keys} keys in {length} tokens; choose 1 to {min(KEYS, pairs)}.")
    shown_keys, shown_values, again = draw_pairs(rng, rows, pairs, keys)
    # Pairs and single noise tokens in random order: a pair starts where the widths before it end.
    units = length - pairs
    is_pair = np.argsort(rng.random((rows, units)), axis=1) < pairs
    starts = np.cumsum(1 + is_pair, axis=1) - 1 - is_pair
    places = starts[is_pair].reshape(rows, pairs)
    tokens = FIRST_NOISE + rng.integers(0, NOISE, size=(rows, length))
    np.put_along_axis(tokens, places, shown_keys, axis=1)
    np.put_along_axis(tokens, places + 1, shown_values, axis=1)
    targets = np.full((rows, length), IGNORED, dtype=np.int64)
    np.put_along_axis(targets, places, np.where(again, shown_values, IGNORED), axis=1)
    return tokens, targets
