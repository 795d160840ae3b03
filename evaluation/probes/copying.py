"""Selective copying: remember the tokens scattered among noise, then say them in order.

After the task of Gu and Dao 2023, "Mamba" (arXiv:2312.00752), as in the MAD suite of Poli et al. 2024
(arXiv:2403.17844). The answer is read back token by token (each input is the previous answer).
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

CONTENT = 64  # tokens 0..63 are worth remembering
NOISE = 64  # tokens 64..127 are not
START = 255  # "now repeat"


def batch(rng: np.random.Generator, rows: int, length: int, items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; the last ``items`` positions are scored, the others are IGNORED.

    Raises ValueError when ``items`` do not fit.
    """
    studied = length - items
    if not 1 <= items <= min(studied, CONTENT):
        raise ValueError(f"copying was asked for {items} items in {length} tokens; choose 1 to {min(length // 2, CONTENT)}.")
    content = np.argsort(rng.random((rows, CONTENT)), axis=1)[:, :items]
    places = np.sort(np.argsort(rng.random((rows, studied)), axis=1)[:, :items], axis=1)
    tokens = np.empty((rows, length), dtype=np.int64)
    tokens[:, :studied] = CONTENT + rng.integers(0, NOISE, size=(rows, studied))
    np.put_along_axis(tokens, places, content, axis=1)
    tokens[:, studied] = START
    tokens[:, studied + 1 :] = content[:, :-1]
    targets = np.full((rows, length), IGNORED, dtype=np.int64)
    targets[:, studied:] = content
    return tokens, targets
