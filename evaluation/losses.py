"""Cross-entropy and accuracy in numpy: the parent scores logits itself."""

import numpy as np
from numpy.typing import NDArray

IGNORED = -100  # target of a position that is not scored


def cross_entropy(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Nats per position: logits [N, V], targets [N] -> [N], summed in float64."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    chosen = np.take_along_axis(wide, targets[:, None], axis=1)[:, 0]
    return np.asarray(np.log(np.exp(wide).sum(axis=1)) - chosen, dtype=np.float64)


def accuracy(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Share of positions whose largest logit is the target."""
    return float((logits.argmax(axis=1) == targets).mean())
