"""Learning rate and divergence: functions of the step and of the losses alone, so that a resumed run needs no state."""

import math
from collections.abc import Sequence

from evaluation.scales.large import Run


def rate(step: int, run: Run) -> float:
    """Share of the peak learning rate at ``step``, counted from 0."""
    if step < run.warmup:
        return (step + 1) / run.warmup
    last = run.steps - 1
    if run.schedule == "cosine":
        progress = (step - run.warmup) / max(1, last - run.warmup)
        fallen = 0.5 * (1 + math.cos(math.pi * progress))
    else:
        fallen = min(1.0, 2 * (last - step) / max(1, last))
    return run.final_share + (1 - run.final_share) * fallen


def diverged(losses: Sequence[float], run: Run) -> bool:
    """Whether the mean of the last losses lies above the first by more than the margin."""
    if len(losses) <= run.divergence_steps:
        return False
    late = losses[-run.divergence_steps :]
    return sum(late) / len(late) > losses[0] + run.divergence_margin
