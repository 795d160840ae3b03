"""The table as arrays: fitness of every design, seed and checkpoint, and what getting there cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.fidelity.panel import panel_of
from evaluation.fidelity.table import SHARES, Key, Row
from evaluation.fitness import Panel, fitness

Floats = NDArray[np.float64]
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Grid:
    """D designs that trained to the end with the first seed, S seeds, P shares. NaN where a seed was not trained."""

    names: tuple[str, ...]
    shares: tuple[float, ...]  # [P], rising to 1
    fitness: Floats  # [D, S, P], against the panel at the same share
    training: Floats  # [D, S] CPU-seconds of a whole training
    scoring: Floats  # [D, S] CPU-seconds of scoring one checkpoint
    checking: Floats  # [D] CPU-seconds

    @property
    def all_seeds(self) -> NDArray[np.bool_]:
        """Which designs have every seed [D]."""
        return np.asarray(np.isfinite(self.fitness[:, :, -1]).all(axis=1))

    def of(self, designs: NDArray[np.int64]) -> "Grid":
        """The same for some designs, in this order; one may come several times."""
        return Grid(
            tuple(self.names[one] for one in designs),
            self.shares,
            self.fitness[designs],
            self.training[designs],
            self.scoring[designs],
            self.checking[designs],
        )


def grid_of(rows: Mapping[Key, Row]) -> Grid:
    """Drawn designs alone, in the order of their numbers. Raises ValueError where a baseline is not there."""
    panels = [panel_of(rows, point) for point in range(len(SHARES))]
    good = [row for row in rows.values() if row.failure is None and row.number is not None]
    first = sorted((row for row in good if row.seed == SEEDS[0]), key=lambda row: row.number or 0)
    by_key = {(row.source_sha256, row.seed): row for row in good}
    found = [[by_key.get((row.source_sha256, seed)) for seed in SEEDS] for row in first]
    shape = (len(first), len(SEEDS))
    return Grid(
        names=tuple(row.design for row in first),
        shares=SHARES,
        fitness=np.array([[_fitness(row, panels) for row in seeds] for seeds in found]).reshape(*shape, len(SHARES)),
        training=np.array([[row.train_cpu_seconds if row else np.nan for row in seeds] for seeds in found]),
        scoring=np.array([[row.scoring_cpu_seconds / len(SHARES) if row else np.nan for row in s] for s in found]),
        checking=np.array([row.check_cpu_seconds for row in first]),
    )


def _fitness(row: Row | None, panels: Sequence[Panel]) -> list[float]:
    if row is None:
        return [np.nan] * len(panels)
    return [fitness(point.objectives, panel).value for point, panel in zip(row.points, panels, strict=True)]
