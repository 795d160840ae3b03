"""State tracking: after every step the state is asked, and the state is a product of all steps so far in a group.

What parity and s3 share; each is this, with its own group.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

Tokens = NDArray[np.int64]


def running_product(
    rng: np.random.Generator, rows: int, length: int, steps: int, table: Tokens, task: str
) -> tuple[Tokens, Tokens]:
    """Tokens and targets [rows, length], int64: runs of START (token ``len(table)``) and ``steps`` random elements.

    ``table[state, element]`` is the state after the element; element 0 is the identity. The target at an element is the
    state that it leads to, IGNORED at START. The last run may be cut off. Raises ValueError when no run fits.
    """
    if not 1 <= steps < length:
        raise ValueError(f"{task} was asked for {steps} steps in {length} tokens; choose 1 to {length - 1}.")
    span = steps + 1
    runs = rows * -(-length // span)
    tokens = rng.integers(0, len(table), size=(runs, span))
    tokens[:, 0] = len(table)
    targets = np.full((runs, span), IGNORED, dtype=np.int64)
    state = np.zeros(runs, dtype=np.int64)
    for step in range(1, span):
        state = table[state, tokens[:, step]]
        targets[:, step] = state
    return tokens.reshape(rows, -1)[:, :length], targets.reshape(rows, -1)[:, :length]
