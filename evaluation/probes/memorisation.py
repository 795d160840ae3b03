"""Memorisation: facts that no sequence states. Keys of two letters have values that only the weights can know.

After the memorization task of the MAD suite, Poli et al. 2024 (arXiv:2403.17844): a fixed random dictionary, keys as
input, and values as targets that are never shown. Changed: a key has two letters, since 256 tokens leave room for only
a few keys of one, and an embedding alone would hold those; the value is asked at the key's last letter instead of at
a token of its own; and there are more facts than values, so that what is scored is the fact and not the vocabulary.

The dictionary is one constant, the same in training and evaluation: held-out rows are new sequences of known facts. It
is public, like everything here: a design whose source spells it out has read it, not learnt it.

Chance: 1 in 64.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from evaluation.losses import IGNORED

LETTERS = 128  # tokens 0..127; a key is any two
VALUES = 64  # tokens 128..191
FACTS = LETTERS**2

# Out of a hash, not a random generator: the facts of all recorded results must never change with a library's version.
_BYTES = hashlib.shake_256(b"archloop: the facts to memorise").digest(5 * FACTS)
VALUE_OF = LETTERS + np.frombuffer(_BYTES[:FACTS], dtype=np.uint8).astype(np.int64) % VALUES  # [FACTS], by key
ORDER = np.argsort(np.frombuffer(_BYTES[FACTS:], dtype="<u4"), kind="stable")  # keys; the first n are asked at n facts


def batch(rng: np.random.Generator, rows: int, length: int, facts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens and targets [rows, length], int64; targets are IGNORED except at the second letter of each key.

    Raises ValueError for more facts than exist.
    """
    if not 1 <= facts <= FACTS:
        raise ValueError(f"memorisation was asked for {facts} facts; choose 1 to {FACTS}.")
    keys = ORDER[rng.integers(0, facts, size=(rows, -(-length // 2)))]
    tokens = np.stack([keys // LETTERS, keys % LETTERS], axis=2)
    targets = np.stack([np.full_like(keys, IGNORED), VALUE_OF[keys]], axis=2)
    return tokens.reshape(rows, -1)[:, :length], targets.reshape(rows, -1)[:, :length]
