"""Ending a training early because its losses so far say that it will not be among the good ones.

A training takes its tasks in turn. At a few moments of it, fitness after the whole training is predicted from the
losses that the child streamed until then, by ridge regression over earlier trainings. Where the prediction lies below
the bar by more than a margin, the training ends. The margin is the smallest that lets one more good design expect to be
ended with no more than a chosen chance: it goes by how near the good ones among the earlier designs came to their end,
each predicted by the others, as in conformal prediction (Vovk, Gammerman and Shafer 2005, chapter 2).

Streamed losses are the child's own words: a design that makes them look good is trained to the end, and scored by its
supervisor as any other.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import FiniteFloat, PositiveInt

from evaluation.fidelity.grid import Floats
from evaluation.fidelity.table import Curves
from evaluation.reports import Report
from evaluation.scales import Scale

PARTS = 4  # of every task, at whose ends a training may be ended
GOOD = 0.2  # share of designs that a training should never be ended of: the fittest fifth
RIDGE = 1.0  # penalty in units of one training's standardised losses


class Moment(Report):
    """A point of a training, and how fitness is predicted there: ``level`` + standardised losses times ``weights``."""

    share: FiniteFloat  # of all tokens
    known: dict[str, PositiveInt]  # task -> steps that are taken
    centres: tuple[FiniteFloat, ...]
    spreads: tuple[FiniteFloat, ...]
    weights: tuple[FiniteFloat, ...]
    level: FiniteFloat
    error: FiniteFloat  # standard deviation of predictions for trainings that were not fitted on


class Rule(Report):
    """When to end a training: at the first moment whose prediction is below ``bar`` by ``margin`` errors."""

    version: int = 1
    scale: str
    trainings: int  # it was fitted on
    bar: FiniteFloat  # fitness of the least fit design of the good ones
    margin: FiniteFloat
    false_kill_rate: FiniteFloat  # aimed at
    moments: tuple[Moment, ...]


def moments_of(scale: Scale) -> list[tuple[float, dict[str, int]]]:
    """(share of all tokens, task -> steps taken) at the ends of parts of tasks, but for the end of the training."""
    budgets = {plan.task: plan.batch * plan.length * plan.steps for plan in scale.tasks}
    total, before = sum(budgets.values()), 0.0
    known: dict[str, int] = {}
    found = []
    for plan in scale.tasks:
        for part in range(1, PARTS + 1):
            known = known | {plan.task: round(plan.steps * part / PARTS)}
            found.append(((before + budgets[plan.task] * part / PARTS) / total, known))
        before += budgets[plan.task]
    return found[:-1]


def seen(curves: Mapping[str, Sequence[tuple[int, float]]], known: Mapping[str, int]) -> list[float]:
    """Two numbers per task: the mean loss over its last quarter so far, and over the quarter before.

    Raises ValueError if a task that should be under way has streamed nothing.
    """
    numbers = []
    for task, steps in known.items():
        points = [(step, loss) for step, loss in curves.get(task, ()) if step <= steps * 1.02]
        late = [loss for step, loss in points if step > steps * 0.75]
        middle = [loss for step, loss in points if steps * 0.5 < step <= steps * 0.75]
        if not late:
            raise ValueError(f"{task} streamed no losses up to its step {steps}; it cannot be judged by them.")
        numbers += [float(np.mean(late)), float(np.mean(middle or late))]
    return numbers


def fit(curves: Sequence[Curves], fitness: Floats, scale: Scale, rate: float) -> Rule:
    """A rule from whole trainings: their streamed losses, and their fitness [N].

    ``rate`` is the share of good designs that may be ended. Raises ValueError for fewer than 20 trainings.
    """
    if len(curves) < 20:
        raise ValueError(f"A rule cannot be fitted on {len(curves)} trainings; give at least 20.")
    bar = float(np.quantile(fitness, 1 - GOOD))
    moments, distances = [], []
    for share, known in moments_of(scale):
        losses = np.array([seen(one, known) for one in curves])
        centres, spreads = losses.mean(axis=0), losses.std(axis=0) + 1e-9
        wide = (losses - centres) / spreads
        gram = np.linalg.inv(wide.T @ wide + RIDGE * np.eye(wide.shape[1]))
        weights = gram @ wide.T @ (fitness - fitness.mean())
        residual = fitness - fitness.mean() - wide @ weights
        # What each training's prediction misses by when it is left out of the fit, in closed form.
        leverage = np.einsum("ij,jk,ik->i", wide, gram, wide) + 1 / len(fitness)
        missed = residual / (1 - leverage)
        error = float(missed.std()) + 1e-12
        distances.append((fitness - missed - bar) / error)
        moments.append(
            Moment(
                share=share,
                known=known,
                centres=tuple(centres.tolist()),
                spreads=tuple(spreads.tolist()),
                weights=tuple(weights.tolist()),
                level=float(fitness.mean()),
                error=error,
            )
        )
    lowest = np.sort(np.min(distances, axis=0)[fitness >= bar])  # how near each good design came to its end
    place = int(rate * (len(lowest) + 1)) - 1
    # So few that none of them may be ended: keep an error away from the nearest of them, which promises nothing.
    margin = max(0.0, float(-lowest[place] if place >= 0 else 1.0 - lowest[0]))
    return Rule(
        scale=scale.name,
        trainings=len(curves),
        bar=bar,
        margin=margin,
        false_kill_rate=rate,
        moments=tuple(moments),
    )


def predicted(moment: Moment, curves: Mapping[str, Sequence[tuple[int, float]]]) -> float:
    """Fitness after the whole training, as far as can be told at this moment. Raises ValueError as ``seen`` does."""
    wide = (np.array(seen(curves, moment.known)) - moment.centres) / np.array(moment.spreads)
    return float(moment.level + wide @ np.array(moment.weights))


def ended_at(rule: Rule, curves: Mapping[str, Sequence[tuple[int, float]]]) -> Moment | None:
    """The first moment at which the rule ends this training; None if it runs to its end."""
    for moment in rule.moments:
        if predicted(moment, curves) < rule.bar - rule.margin * moment.error:
            return moment
    return None
