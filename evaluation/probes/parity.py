"""Parity: a stream of bits; at each one, whether the ones since START are even or odd.

The smallest state-tracking problem, as in Grazzi et al. 2024, "Unlocking State-Tracking in Linear RNNs Through Negative
Eigenvalues" (arXiv:2411.12537): a recurrence whose transition has no negative eigenvalue cannot do it at every length,
and learns it for short runs only. Changed: runs of a given number of steps instead of one long one, and a target at
every step, so that the length that a design can follow is graded.

Chance: 1 in 2.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.probes.running_product import running_product

TABLE = np.array([[0, 1], [1, 0]])


def batch(rng: np.random.Generator, rows: int, length: int, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64: bits 0 and 1, START = 2. Raises ValueError when no run fits."""
    return running_product(rng, rows, length, steps, TABLE, "parity")
