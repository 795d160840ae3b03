"""What a table says about cheaper ways to find the best designs: ladders, rungs, and ending trainings early."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import FiniteFloat

from evaluation.bench.null import Share, share
from evaluation.fidelity.grid import Floats, Grid, grid_of
from evaluation.fidelity.saving import RESAMPLES, Interval, Saving, savings
from evaluation.fidelity.stopping import Rule, ended_at, fit
from evaluation.fidelity.table import Key, Row, recorded
from evaluation.reports import Report
from evaluation.scales import scale as read_scale

FEWEST = 40  # designs
WANTED = 5  # best designs of each half: ten together


class RungAgreement(Report):
    """Spearman's rank correlation over designs of fitness at a checkpoint with fitness after the whole training."""

    share: FiniteFloat
    same_seed: Interval
    other_seeds: (
        Interval | None
    )  # with the mean of the other seeds, over the designs that have them; these are the best


class Stopping(Report):
    """A rule fitted on one half of the designs and applied to the other."""

    rule: Rule
    designs: int  # it was applied to
    stopped: Share
    false_kills: Share  # of the good designs among them
    saved: FiniteFloat  # share of all training compute
    best_lost: Share  # of the best among them


class Fidelity(Report):
    """All of it."""

    version: int = 1
    scale: str
    designs: int  # that trained to the end
    failed: dict[str, int]  # kind of failure -> drawn designs that it kept out
    three_seeds: int  # designs with all seeds
    truth: str  # what the true best are
    wanted: int
    rungs: tuple[RungAgreement, ...]
    ladders: tuple[Saving, ...]  # the choice made on each half
    ladders_with_seeds: tuple[Saving, ...]  # the same, if further seeds decide at the end
    stopping: tuple[Stopping, ...]


def fidelity_study(file: Path, scale: str, rate: float = 0.05, seed: int = 0) -> Fidelity:
    """Study the rows of ``scale`` in ``file``; ``rate`` is the share of good designs that early stopping may end.

    Raises ValueError where the table lacks baselines or has too few designs.
    """
    rows = recorded(file, scale)
    drawn = [row for row in rows.values() if row.number is not None and row.seed == 1]
    done = sum(row.failure is None for row in drawn)
    if done < FEWEST:
        raise ValueError(
            f"{file} has {done} designs that trained to the end, and at least {FEWEST} are needed: let archloop bench "
            "table go on."
        )
    grid = grid_of(rows)
    rng = np.random.default_rng(seed)
    three = int(grid.all_seeds.sum())
    ready = three >= 4 * WANTED  # enough for either half to have its own best, and others
    if not ready:
        grid = _first_seed(grid)
    wanted = min(WANTED, done // 16)
    failed = [row.failure.kind for row in drawn if row.failure is not None]
    return Fidelity(
        scale=scale,
        designs=done,
        failed={kind: failed.count(kind) for kind in sorted(set(failed))},
        three_seeds=three,
        truth="the mean of three seeds" if ready else "the first seed alone, for lack of others",
        wanted=wanted,
        rungs=tuple(_agreement(grid, point, rng) for point in range(len(grid.shares))),
        ladders=savings(grid, wanted, 1, rng),
        ladders_with_seeds=savings(grid, wanted, 3, rng) if ready else (),
        stopping=_stopping(grid, rows, scale, rate, rng),
    )


def _first_seed(grid: Grid) -> Grid:
    alone = grid.fitness.copy()
    alone[:, 1:] = np.nan
    return Grid(grid.names, grid.shares, alone, grid.training, grid.scoring, grid.checking)


def _agreement(grid: Grid, point: int, rng: np.random.Generator) -> RungAgreement:
    early, final = grid.fitness[:, 0, point], grid.fitness[:, :, -1]
    known = grid.all_seeds
    others = final[known, 1:].mean(axis=1)
    return RungAgreement(
        share=grid.shares[point],
        same_seed=_correlation(early, final[:, 0], rng),
        other_seeds=_correlation(early[known], others, rng) if known.sum() >= 2 * WANTED else None,
    )


def _correlation(a: Floats, b: Floats, rng: np.random.Generator) -> Interval:
    """Spearman's, with its interval over resampled designs."""
    from scipy.stats import rankdata

    drawn = np.vstack([np.arange(len(a)), rng.integers(len(a), size=(RESAMPLES, len(a)))])
    ranks = [rankdata(values[drawn], axis=1) for values in (a, b)]
    x, y = (one - one.mean(axis=1, keepdims=True) for one in ranks)
    found = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return Interval(value=float(found[0]), low=float(low), high=float(high))


def _stopping(
    grid: Grid, rows: Mapping[Key, Row], scale: str, rate: float, rng: np.random.Generator
) -> tuple[Stopping, ...]:
    curves = {row.design: row.untrusted_losses for row in rows.values() if row.seed == 1 and row.number is not None}
    order = rng.permutation(len(grid.names))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    final = grid.fitness[:, 0, -1]
    found = []
    for fitted_on, applied_to in (halves, halves[::-1]):
        rule = fit([curves[grid.names[one]] for one in fitted_on], final[fitted_on], read_scale(scale), rate)
        ends = [ended_at(rule, curves[grid.names[one]]) for one in applied_to]
        stopped = np.array([end is not None for end in ends])
        good = final[applied_to] >= rule.bar
        best = np.argsort(-final[applied_to])[:WANTED]
        spent = grid.training[applied_to, 0]
        saved = np.array([1 - end.share if end is not None else 0.0 for end in ends]) @ spent / spent.sum()
        found.append(
            Stopping(
                rule=rule,
                designs=len(ends),
                stopped=share(int(stopped.sum()), len(ends)),
                false_kills=share(int((stopped & good).sum()), max(1, int(good.sum()))),
                saved=float(saved),
                best_lost=share(int(stopped[best].sum()), len(best)),
            )
        )
    return tuple(found)
