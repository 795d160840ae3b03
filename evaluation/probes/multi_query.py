"""Multi-query associative recall: pairs first, and later each key once more, most of them soon and a few very late.

After Arora et al. 2023, "Zoology" (arXiv:2312.04927): the slots at which keys are asked are drawn without replacement
with probability falling by a power law in the distance from the pairs. Changed: the slots between questions hold one
filler token instead of random ones, since noise is the subject of another probe, and 64 keys and 16 values replace a
vocabulary of 8,192, which a few hundred steps could not teach.

Chance: 1 in 16.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

KEYS = 64  # tokens 0..63
VALUES = 16  # tokens 64..79
FILLER = KEYS + VALUES
POWER = 0.01  # slot s is drawn with weight s^(POWER - 1), as in Zoology


def batch(rng: np.random.Generator, rows: int, length: int, pairs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except at the ``pairs`` questions of a row.

    Raises ValueError when there are not enough keys, or no room for pairs and questions.
    """
    most = min(KEYS, length // 4)
    if not 1 <= pairs <= most:
        raise ValueError(f"mqar was asked for {pairs} pairs in {length} tokens; choose 1 to {most}.")
    shown = 2 * pairs
    slots = (length - shown) // 2
    keys = np.argsort(rng.random((rows, KEYS)), axis=1)[:, :pairs]
    values = KEYS + rng.integers(0, VALUES, size=(rows, pairs))
    # The largest of log-weights plus Gumbel noise are a draw without replacement, in its order.
    weights = (POWER - 1) * np.log(np.arange(1, slots + 1))
    chosen = np.argsort(-(weights + rng.gumbel(size=(rows, slots))), axis=1)[:, :pairs]
    places = shown + 2 * chosen
    tokens = np.full((rows, length), FILLER, dtype=np.int64)
    tokens[:, 0:shown:2] = keys
    tokens[:, 1:shown:2] = values
    np.put_along_axis(tokens, places, keys, axis=1)
    targets = np.full((rows, length), IGNORED, dtype=np.int64)
    np.put_along_axis(targets, places, values, axis=1)
    return tokens, targets
