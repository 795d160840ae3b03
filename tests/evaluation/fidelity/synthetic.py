"""Tables whose truth is known: quality of designs is drawn, and early checkpoints show it with a chosen noise."""

import numpy as np

from evaluation.baselines import baselines
from evaluation.fidelity.grid import Grid
from evaluation.fidelity.panel import baseline_entries
from evaluation.fidelity.table import SHARES, Entry, Point, Row
from evaluation.objectives import objectives_of
from evaluation.reports import Failure
from evaluation.scales import scale

WHOLE, SCORING, CHECK = 40.0, 0.4, 3.0  # CPU-seconds


def grid(designs: int = 200, early: float = 0.0, top: int = 50, seed: int = 3) -> Grid:
    """Every training costs the same. ``early`` is the noise of all checkpoints before the last; the last has none."""
    rng = np.random.default_rng(seed)
    quality = rng.standard_normal(designs)
    shape = (designs, 3, len(SHARES))
    noise = early * np.array([share < 1 for share in SHARES])
    fitness = quality[:, None, None] + noise * rng.standard_normal(shape)
    fitness[np.argsort(-quality)[top:], 1:] = np.nan
    training = np.where(np.isnan(fitness[:, :, -1]), np.nan, WHOLE)
    return Grid(
        names=tuple(map(str, range(designs))),
        shares=SHARES,
        fitness=fitness,
        training=training,
        scoring=training * SCORING / WHOLE,
        checking=np.full(designs, CHECK),
    )


def rows(designs: int = 60, top: int = 0, failed: int = 2, told: float = 1.0) -> list[Row]:
    """Lines of a table at tiny-constant. Streamed losses tell a design's quality as far as ``told``, from 0 to 1."""
    rng = np.random.default_rng(4)
    found = []
    for baseline in baseline_entries():
        quality = list(baselines()).index(baseline.name) / 10 - 1
        found += [_row(baseline, seed, quality + 0.1 * rng.standard_normal(), rng, told) for seed in (1, 2, 3)]
    for number in range(1, designs + failed + 1):
        entry = Entry(name=f"design-{number}", source=f"# {number}\n", number=number, components={"rank": "full"})
        if number <= failed:
            row = _row(entry, 1, 0.0, rng, told).model_copy(
                update={"points": (), "failure": Failure(kind="too_slow", message="Slow.", remedy="Hurry.")}
            )
            found.append(row)
            continue
        quality = float(rng.standard_normal())
        seeds = (1, 2, 3) if number <= failed + top else (1,)
        found += [_row(entry, seed, quality + 0.1 * rng.standard_normal(), rng, told) for seed in seeds]
    return found


def _row(entry: Entry, seed: int, quality: float, rng: np.random.Generator, told: float) -> Row:
    tiny = scale("tiny-constant")

    def curve(steps: int) -> tuple[tuple[int, float], ...]:
        shown = told * quality + (1 - told) * rng.standard_normal()
        return tuple((step, 5 - shown - step / steps) for step in range(1, steps + 1))

    return Row(
        scale="tiny-constant",
        design=entry.name,
        number=entry.number,
        source_sha256=entry.sha256,
        components=dict(entry.components),
        seed=seed,
        parameters=1000,
        points=tuple(
            Point(share=share, objectives=dict.fromkeys(objectives_of("tiny"), 4 - quality - share), losses={})
            for share in SHARES
        ),
        check_cpu_seconds=CHECK,
        train_cpu_seconds=WHOLE,
        scoring_cpu_seconds=SCORING * len(SHARES),
        untrusted_losses={plan.task: curve(plan.steps) for plan in tiny.tasks},
    )
