"""Successive halving: all designs are trained a little, the better ones more, and the best to the end.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (2016, arXiv
1502.07943), with rungs made of checkpoints of one training: at a constant rate nothing has to be trained again.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from pydantic import FiniteFloat, PositiveInt

from evaluation.fidelity.grid import Grid
from evaluation.reports import Report

Designs = NDArray[np.int64]  # places in a grid


class Ladder(Report):
    """``shares`` of a training, rising to 1, are the rungs; one in ``eta`` goes on from each but the last.

    With several ``seeds`` one more rung follows: the fittest ``room`` times as many as are wanted get the further seeds
    at full length, and the mean decides. No rung lets fewer go on than that, or than are wanted.
    """

    shares: tuple[FiniteFloat, ...]
    eta: FiniteFloat
    seeds: PositiveInt = 1
    room: PositiveInt = 2


@dataclass(frozen=True)
class Climb:
    """Which designs came out on top, the best first, and the CPU-seconds that it took to train and score."""

    best: Designs
    spent: float  # if trainings are paused and resumed
    spent_anew: float  # if every rung begins its trainings again


def climb(grid: Grid, ladder: Ladder, wanted: int) -> Climb:
    """Go up ``ladder`` with all designs of ``grid`` and return the ``wanted`` best. Raises ValueError for a share that
    the grid does not have.
    """
    unknown = [share for share in ladder.shares if share not in grid.shares]
    if unknown:
        raise ValueError(f"There is no checkpoint at {unknown[0]} of a training; take of {list(grid.shares)}.")
    floor = wanted * (ladder.room if ladder.seeds > 1 else 1)
    left = np.arange(len(grid.names))
    spent = anew = before = 0.0
    for number, share in enumerate(ladder.shares):
        scoring = float(grid.scoring[left, 0].sum())
        spent += float(grid.training[left, 0].sum()) * (share - before) + scoring
        anew += float(grid.training[left, 0].sum()) * share + scoring
        before = share
        reached = grid.fitness[left, 0, grid.shares.index(share)]
        last = number == len(ladder.shares) - 1
        going = floor if last else max(floor, round(len(left) / ladder.eta))
        left = left[np.argsort(-reached, kind="stable")[:going]]
    if ladder.seeds > 1:
        further = np.nansum((grid.training + grid.scoring)[left, 1 : ladder.seeds])
        # Where a table lacks a design's further seeds, they are paid for as its first, and the first alone is known.
        lacking = np.isnan(grid.training[left, 1 : ladder.seeds]).sum(axis=1)
        further += ((grid.training + grid.scoring)[left, 0] * lacking).sum()
        spent, anew = spent + float(further), anew + float(further)
        means = np.nanmean(grid.fitness[left, : ladder.seeds, -1], axis=1)
        left = left[np.argsort(-means, kind="stable")]
    return Climb(left[:wanted], spent, anew)


def ladders(shares: tuple[float, ...], seeds: int) -> list[Ladder]:
    """Every choice of at least one rung below the whole training, with several etas."""
    early = [chosen for n in range(1, len(shares)) for chosen in combinations(shares[:-1], n)]
    return [Ladder(shares=(*rungs, 1.0), eta=eta, seeds=seeds) for rungs in early for eta in (1.5, 2, 3, 4, 6, 8, 12)]


def true_best(grid: Grid, wanted: int) -> set[int]:
    """The best by mean fitness after whole trainings, of the designs with all seeds; with one seed, where none has."""
    known = grid.all_seeds
    finals = grid.fitness[:, :, -1]
    values = np.where(known, finals.mean(axis=1), -np.inf) if known.any() else finals[:, 0]
    return set(np.argsort(-values, kind="stable")[: min(wanted, int(known.sum()) or wanted)].tolist())
