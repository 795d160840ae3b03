"""Fitness of a table's rows: against the reference's seeds and the baselines' means, all trained at the same rate."""

from collections.abc import Mapping, Sequence

from evaluation.baselines import baselines, source
from evaluation.fidelity.table import Entry, Key, Row, rows_of
from evaluation.fitness import Panel, fitness, mean

BASELINE_SEEDS = (1, 2, 3)


def baseline_entries() -> list[Entry]:
    """The baselines that every campaign trains, the reference first: its trainings say what is too slow."""
    default = [one for one in baselines().values() if one.default]
    return [Entry(name=one.name, source=source(one.name)) for one in sorted(default, key=lambda one: not one.reference)]


def panel_of(rows: Mapping[Key, Row], point: int = -1) -> Panel:
    """What gains are measured against at a checkpoint, counted from 0. Raises ValueError if a baseline is not there."""
    means: dict[str, dict[str, float]] = {}
    reference: dict[str, tuple[float, ...]] = {}
    for entry in baseline_entries():
        done = [rows_of(rows, [entry], seed) for seed in BASELINE_SEEDS]
        scores = [found[0].points[point].objectives for found in done if found and found[0].failure is None]
        if len(scores) < len(BASELINE_SEEDS):
            raise ValueError(
                f"The table has {len(scores)} of {len(BASELINE_SEEDS)} trainings of the baseline {entry.name}, which "
                "fitness is measured against: let archloop bench table go on, or see why they failed."
            )
        means[entry.name] = {name: mean([one[name] for one in scores]) for name in scores[0]}
        reference = reference or {name: tuple(one[name] for one in scores) for name in scores[0]}
    return Panel(reference=reference, baselines=means)


def best_first(entries: Sequence[Entry], rows: Mapping[Key, Row], panel: Panel, seed: int = 1) -> list[Entry]:
    """Designs whose whole training with ``seed`` ended well, the fittest first."""
    done = [one for one in entries if any(row.failure is None for row in rows_of(rows, [one], seed))]
    return sorted(done, key=lambda one: -fitness(rows[one.sha256, seed].final, panel).value)
