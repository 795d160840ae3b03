"""Compression: after one token that closes a passage, the passage must be said again with nothing to go by but order.

After the compression task of the MAD suite, Poli et al. 2024 (arXiv:2403.17844): an encoder reads random tokens and a
closing one, and a separate decoder, given the encoder's output at the closing token and a position, must name the
token at that position. Changed: our models are one residual stack with no decoder beside it, so the model decodes
itself. After CLOSE come BLANKs, which say nothing about the passage; the target at CLOSE is the first item, at the next
position the second, and so on. For a recurrent layer that is MAD's question: all that it says was in its state when the
passage closed. Attention may look back instead, and must then count; it is compared with others, and is not the bar.
In contrast to selective copying the input never repeats an answer, so order has to be kept in memory, and items may
occur twice. A sequence is filled with passages, so that short ones have many targets.

Chance: 1 in 16.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

CONTENT = 16  # tokens 0..15
OPEN, CLOSE, BLANK = 16, 17, 18


def batch(rng: np.random.Generator, rows: int, length: int, items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except from CLOSE on.

    A passage is OPEN, ``items`` random items, CLOSE, and a BLANK for every item but the first. The last may be cut off.
    Raises ValueError when no passage fits.
    """
    most = (length - 1) // 2
    if not 1 <= items <= most:
        raise ValueError(f"compression was asked for {items} items in {length} tokens; choose 1 to {most}.")
    span = 2 * items + 1
    passages = rows * -(-length // span)
    content = rng.integers(0, CONTENT, size=(passages, items))
    tokens = np.full((passages, span), BLANK, dtype=np.int64)
    tokens[:, 0] = OPEN
    tokens[:, 1 : items + 1] = content
    tokens[:, items + 1] = CLOSE
    targets = np.full((passages, span), IGNORED, dtype=np.int64)
    targets[:, items + 1 :] = content
    return tokens.reshape(rows, -1)[:, :length], targets.reshape(rows, -1)[:, :length]
