"""The baselines side by side at one scale, over several seeds, and whether published orders between them come out."""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import FiniteFloat

from evaluation.baselines import baselines, source
from evaluation.bench.trainings import Training, trained
from evaluation.confirmation import confirm
from evaluation.fitness import deviation, mean
from evaluation.launch import Launch
from evaluation.objectives import objectives_of, sign
from evaluation.reports import Report

LEAST_SEEDS = 2


class PublishedTable(Report):
    """Numbers of one paper, by our names of its designs."""

    title: str
    source: str
    columns: tuple[str, ...]  # tasks of ours where the paper has the same
    rows: dict[str, tuple[FiniteFloat, ...]]


class PublishedOrder(Report):
    """A paper's finding that one design is better than another on a task."""

    better: str
    worse: str
    task: str
    source: str


class Published(Report):
    tables: tuple[PublishedTable, ...]
    orderings: tuple[PublishedOrder, ...]


class Cell(Report):
    """One design on one task, over seeds."""

    values: tuple[FiniteFloat, ...]  # the objective, one a seed
    mean: FiniteFloat
    deviation: FiniteFloat
    accuracy: FiniteFloat  # 0..1, mean over the task's ladder and the seeds


class Ordering(Report):
    """A published order, tried here: the gain of one design over the other on the same seeds."""

    published: PublishedOrder
    gain: FiniteFloat  # in the objective's unit; above 0 as published
    low: FiniteFloat  # two-sided 95% interval, paired over seeds
    high: FiniteFloat
    outcome: Literal["reproduced", "not reproduced", "reversed"]


class BaselineBench(Report):
    """What ``archloop bench baselines`` finds."""

    version: int = 1
    scale: str
    seeds: tuple[int, ...]
    designs: dict[str, dict[str, Cell]]  # design -> objective
    orderings: tuple[Ordering, ...]  # those whose designs and task are here
    cpu_seconds: FiniteFloat


@cache
def published() -> Published:
    """What papers report for our baselines."""
    text = (files(__package__) / "published.toml").read_text(encoding="utf-8")
    return Published.model_validate(tomllib.loads(text))


def panel_trainings(names: tuple[str, ...], seeds: int) -> list[tuple[str, int]]:
    """(design, seed) of every training, seed by seed, so that a bench that is stopped has whole pairs.

    Designs of published orders come first in each seed. Raises ValueError for an unknown baseline or too few seeds.
    """
    unknown = [name for name in names if name not in baselines()]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no baseline: choose among {', '.join(baselines())}.")
    if seeds < LEAST_SEEDS:
        raise ValueError(f"One seed has no interval: train at least {LEAST_SEEDS}, not {seeds}.")
    ordered = {name for one in published().orderings for name in (one.better, one.worse)}
    first = sorted(dict.fromkeys(names), key=lambda name: name not in ordered)
    return [(name, seed) for seed in range(1, seeds + 1) for name in first]


def baseline_bench(
    scale: str,
    names: tuple[str, ...],
    seeds: int,
    file: Path,
    launch: Launch,
    parallel: int = 1,
    on_done: Callable[[Training], None] = lambda _: None,
) -> BaselineBench:
    """Train what ``file`` lacks of the baselines ``names``, then compare.

    Raises TrainingFailed if one does not train, and ValueError for an unknown scale or baseline or too few seeds.
    """
    wanted = panel_trainings(names, seeds)
    objectives_of(scale)  # an unknown scale is refused before anything is trained
    found = trained(wanted, {name: source(name) for name in names}, scale, file, launch, parallel, on_done)
    return compared(scale, {one: found[one] for one in wanted})


def compared(scale: str, trainings: Mapping[tuple[str, int], Training]) -> BaselineBench:
    """The panel from its trainings; every design must have the same seeds."""
    seeds = tuple(sorted({seed for _, seed in trainings}))
    designs = {
        name: {
            objective: _cell([trainings[name, seed] for seed in seeds], objective, one.task)
            for objective, one in objectives_of(scale).items()
        }
        for name in dict.fromkeys(name for name, _ in trainings)
    }
    return BaselineBench(
        scale=scale,
        seeds=seeds,
        designs=designs,
        orderings=tuple(_orderings(scale, designs)),
        cpu_seconds=sum(one.cpu_seconds for one in trainings.values()),
    )


def _cell(trainings: list[Training], objective: str, task: str) -> Cell:
    values = tuple(one.objectives[objective] for one in trainings)
    return Cell(
        values=values,
        mean=mean(values),
        deviation=deviation(values),
        accuracy=mean([mean(_accuracies(one, task)) for one in trainings]),
    )


def _accuracies(training: Training, task: str) -> list[float]:
    """Of every difficulty of a task: ``text_accuracy``, or ``recall_8_accuracy`` and so on."""
    wanted = re.compile(rf"{re.escape(task)}(_\d+)?_accuracy")
    return [value for name, value in training.details.items() if wanted.fullmatch(name)]


def _orderings(scale: str, designs: Mapping[str, Mapping[str, Cell]]) -> list[Ordering]:
    names = {one.task: name for name, one in objectives_of(scale).items()}
    found = []
    for order in published().orderings:
        if order.task not in names or not {order.better, order.worse} <= designs.keys():
            continue
        objective = names[order.task]
        better, worse = (designs[name][objective].values for name in (order.better, order.worse))
        gains = [sign(objective) * value for value in better], [sign(objective) * value for value in worse]
        tried = confirm(*gains)
        outcome: Literal["reproduced", "not reproduced", "reversed"] = "not reproduced"
        if tried.low > 0:
            outcome = "reproduced"
        elif tried.high < 0:
            outcome = "reversed"
        found.append(Ordering(published=order, gain=tried.difference, low=tried.low, high=tried.high, outcome=outcome))
    return found
