"""Which tokens a training step sees: a pure function of (seed, step, place in the global batch).

So any number of ranks and any micro-batch see the same global batch in the same order, and a resumed run needs nothing
but its step.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluation.data.shards import Stream

Rows = NDArray[np.int64]


def training_rows(stream: Stream, length: int, batch: int, seed: int, step: int, first: int, count: int) -> Rows:
    """Sequences ``first`` to ``first + count`` of the global batch of ``step``: [count, length + 1].

    An epoch visits windows that overlap by one token only, each once, in random order; the next epoch shifts and
    reorders them. ``stream`` must hold more than ``length`` tokens.
    """
    windows = max(1, (len(stream) - length) // length)
    rows = np.empty((count, length + 1), dtype=np.int64)
    for row in range(count):
        epoch, place = divmod(step * batch + first + row, windows)
        shift, order = _epoch(seed, epoch, windows, min(length, len(stream) - windows * length))
        rows[row] = stream.read(shift + int(order[place]) * length, length + 1)
    return rows


@lru_cache(maxsize=2)  # a batch may span the border of two epochs
def _epoch(seed: int, epoch: int, windows: int, shifts: int) -> tuple[int, NDArray[np.int64]]:
    rng = np.random.default_rng([seed, epoch])
    return int(rng.integers(shifts)), rng.permutation(windows)


def held_out_rows(stream: Stream, length: int, rows: int) -> Rows:
    """``rows`` windows [rows, length + 1] that overlap by one token at most, spread evenly over the whole stream.

    ``stream`` must hold ``rows * length + 1`` tokens.
    """
    starts = np.linspace(0, len(stream) - length - 1, rows).astype(np.int64)
    return np.stack([stream.read(int(start), length + 1) for start in starts]).astype(np.int64)
