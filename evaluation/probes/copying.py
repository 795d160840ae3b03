"""Selective copying: remember the tokens scattered among filler, then say them in order; several rounds a sequence.

After the task of Gu and Dao 2023, "Mamba" (arXiv:2312.00752), as in the MAD suite of Poli et al. 2024
(arXiv:2403.17844). Two changes make it learnable in seconds: the answer is read back token by token (each input is the
previous answer), and a sequence is filled with rounds, so that easy cases have many targets.

Chance: 1 in 16.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

CONTENT = 16  # tokens 0..15 are worth remembering
FILLER = 16
START = 17  # "now repeat"


def batch(rng: np.random.Generator, rows: int, length: int, items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except where an item must be said.

    A round is ``items`` distinct items in order among as many fillers, START, then the items. The last round may be cut
    off. Raises ValueError when there are not enough items or no round fits.
    """
    if not 1 <= items <= min(CONTENT, length // 3):
        raise ValueError(
            f"copying was asked for {items} items in {length} tokens; choose 1 to {min(CONTENT, length // 3)}."
        )
    studied, span = 2 * items, 3 * items
    rounds = rows * -(-length // span)
    content = np.argsort(rng.random((rounds, CONTENT)), axis=1)[:, :items]
    places = np.sort(np.argsort(rng.random((rounds, studied)), axis=1)[:, :items], axis=1)
    tokens = np.full((rounds, span), FILLER, dtype=np.int64)
    np.put_along_axis(tokens, places, content, axis=1)
    tokens[:, studied] = START
    tokens[:, studied + 1 :] = content[:, :-1]
    targets = np.full((rounds, span), IGNORED, dtype=np.int64)
    targets[:, studied:] = content
    return tokens.reshape(rows, -1)[:, :length], targets.reshape(rows, -1)[:, :length]
