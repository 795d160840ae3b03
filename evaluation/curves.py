"""The losses that a training child prints, for display."""

import json
import math
from collections.abc import Callable, Mapping

import numpy as np

from evaluation.reports import Progress


class Curves:
    """Reads the child's lines into curves. They are untrusted: anything malformed, repeated or endless is dropped.

    ``steps`` and ``tokens`` are the budget of each task, in the order in which they are trained.
    """

    def __init__(
        self, steps: Mapping[str, int], tokens: Mapping[str, int], on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._curves: dict[str, list[tuple[int, float]]] = {}
        self._on_progress = on_progress
        self._steps = steps
        budgets = np.array([tokens[task] for task in steps])
        self._shares = dict(zip(steps, budgets / budgets.sum(), strict=True))
        self._starts = dict(zip(steps, (np.cumsum(budgets) - budgets) / budgets.sum(), strict=True))

    def all(self) -> dict[str, tuple[tuple[int, float], ...]]:
        """Task -> ((step, loss in nats), ...) as far as read."""
        return {task: tuple(points) for task, points in self._curves.items()}

    def read(self, line: str) -> None:
        """One line of the child's stdout."""
        try:
            said = json.loads(line)
            task, step, loss = str(said["task"]), int(said["step"]), float(said["loss"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return
        if task not in self._steps or not math.isfinite(loss) or not 1 <= step <= self._steps[task]:
            return
        curve = self._curves.setdefault(task, [])
        if curve and step <= curve[-1][0]:
            return
        curve.append((step, loss))
        if self._on_progress is not None:
            steps = self._steps[task]
            fraction = float(self._starts[task] + self._shares[task] * step / steps)
            self._on_progress(Progress(task=task, step=step, steps=steps, loss=loss, fraction=fraction))
