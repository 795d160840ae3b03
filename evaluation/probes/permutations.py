"""S3: a stream of permutations of three things; at each one, the product of all since START.

State tracking in the smallest group in which order matters, after Merrill, Petty and Sabharwal 2024, "The Illusion of
State in State-Space Models" (arXiv:2404.08819), who ask for products in S5. Changed: S3, because a few hundred steps
teach little of S5, and runs of a given number of steps with a target at each, as in evaluation/probes/parity.py.

Chance: 1 in 6.
"""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from evaluation.probes.running_product import running_product

ELEMENTS = tuple(permutations(range(3)))  # token i is ELEMENTS[i]; 0 is the identity
# The state is where the three things lie now: after state s, element e moves what lay at e[i] to place i.
TABLE = np.array([[ELEMENTS.index((s[e[0]], s[e[1]], s[e[2]])) for e in ELEMENTS] for s in ELEMENTS])


def batch(rng: np.random.Generator, rows: int, length: int, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64: elements 0..5, START = 6. Raises ValueError when no run fits."""
    return running_product(rng, rows, length, steps, TABLE, "s3")
