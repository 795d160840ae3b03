"""How often is a design called a breakthrough that is none, and how often is a true one found?

Campaigns are resampled from real trainings of designs that are all equally good (``evaluation.bench.edits``). In each,
one of them is the baseline and the others come again and again as new designs: screened on one seed, confirmed on fresh
seeds of both sides if they screened well above the baseline, and held against the level that online control of false
discoveries gives them. Every discovery is false; unless a design got a true gain added, which shows the power.

All campaigns draw from the same trainings. So the intervals tell how exactly these trainings were evaluated; how far
the shares would move with other trainings, they do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, FiniteFloat, PositiveInt

from evaluation.bench.trainings import Training
from evaluation.confirmation import confirm
from evaluation.discovery import next_level
from evaluation.fitness import Panel, fitness, mean
from evaluation.reports import Report

Values = Mapping[str, Mapping[int, float]]  # design -> seed -> fitness


class Share(Report):
    """``count`` of ``of`` resampled campaigns or designs, with the Wilson interval at 95%: of the resampling alone."""

    count: int
    of: int
    share: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat


class NullPlan(Report):
    """What a resampled campaign looks like."""

    campaigns: PositiveInt = 2000
    designs: PositiveInt = 40
    seeds: int = Field(default=5, ge=2)  # of a confirmation; the first has no other to tell it how seeds vary
    margin: FiniteFloat = (
        1.0  # above the baseline, in units of noise, that takes a design from screening to confirmation
    )


class Null(Report):
    """What came out of all campaigns."""

    version: int = 1
    plan: NullPlan
    trainings: int
    noise: FiniteFloat  # standard deviation of fitness over seeds, pooled over designs
    confirmed: int  # designs that screened above the baseline and were confirmed on fresh seeds
    false_campaigns: Share  # campaigns with any false breakthrough
    false_designs: Share  # designs that were called breakthroughs
    power: dict[str, Share]  # true gain in units of noise -> campaigns that found it


@dataclass(frozen=True)
class _Campaign:
    confirmed: int
    discoveries: int
    found: bool  # the design with the true gain


def null(values: Values, plan: NullPlan, gains: Sequence[float] = (1.0, 2.0), seed: int = 0) -> Null:
    """Resample ``plan.campaigns`` campaigns without a true gain, and as many for each of ``gains`` in units of noise.

    Raises ValueError unless there are two designs with more common seeds than a confirmation takes.
    """
    seeds = sorted(set.intersection(*(set(of) for of in values.values()))) if values else []
    if len(values) < 2 or len(seeds) <= plan.seeds:
        raise ValueError(
            f"There are {len(values)} designs with {len(seeds)} common seeds, but 2 designs and {plan.seeds + 1} seeds "
            "are needed: train more."
        )
    table = np.array([[values[name][one] for one in seeds] for name in values])
    noise = float(np.sqrt(np.mean(table.var(axis=1, ddof=1))))
    rng = np.random.default_rng(seed)
    nothing = [_campaign(table, plan, noise, 0.0, rng) for _ in range(plan.campaigns)]
    power = {}
    for gain in gains:
        found = [_campaign(table, plan, noise, gain, rng).found for _ in range(plan.campaigns)]
        power[f"{gain:g}"] = share(sum(found), plan.campaigns)
    return Null(
        plan=plan,
        trainings=table.size,
        noise=noise,
        confirmed=sum(one.confirmed for one in nothing),
        false_campaigns=share(sum(one.discoveries > 0 for one in nothing), plan.campaigns),
        false_designs=share(sum(one.discoveries for one in nothing), plan.campaigns * plan.designs),
        power=power,
    )


def fitness_values(
    trainings: Mapping[tuple[str, int], Training], designs: Sequence[str], panel: Sequence[str], seeds: int
) -> Values:
    """Fitness of each training of ``designs`` with seeds 1 to ``seeds``, against all seeds of the first of them.

    ``panel`` names the other baselines, trained with seed 1. Raises ValueError as ``fitness`` does.
    """
    reference = [trainings[designs[0], seed].objectives for seed in range(1, seeds + 1)]
    measure = Panel(
        reference={name: tuple(one[name] for one in reference) for name in reference[0]},
        baselines={name: trainings[name, 1].objectives for name in panel} | {designs[0]: _means(reference)},
    )
    return {
        name: {seed: fitness(trainings[name, seed].objectives, measure).value for seed in range(1, seeds + 1)}
        for name in designs
    }


def _means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: mean([one[name] for one in scores]) for name in scores[0]}


def _campaign(table: np.ndarray, plan: NullPlan, noise: float, gain: float, rng: np.random.Generator) -> _Campaign:
    """One campaign on fitness [designs, seeds]; the design in its middle has a true ``gain``.

    ``noise`` is the unit of both gain and margin.
    """
    baseline = int(rng.integers(len(table)))
    others = np.delete(np.arange(len(table)), baseline)
    bar = float(table[baseline].mean()) + plan.margin * noise
    truly_better = plan.designs // 2 if gain else -1
    pairs: list[list[float]] = []
    discoveries: list[int] = []
    found = False
    for number in range(plan.designs):
        added = gain * noise if number == truly_better else 0.0
        design = table[rng.choice(others)] + added
        drawn = rng.choice(table.shape[1], size=plan.seeds + 1, replace=False)
        if design[drawn[0]] <= bar:
            continue
        fresh = drawn[1:]
        result = confirm(design[fresh].tolist(), table[baseline][fresh].tolist(), pairs)
        pairs.append(list(result.differences))
        if result.p <= next_level(len(pairs), discoveries):
            discoveries.append(len(pairs))
            found = found or number == truly_better
    return _Campaign(len(pairs), len(discoveries), found)


def share(count: int, of: int) -> Share:
    """A share with its Wilson interval."""
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(0.95, method="wilson")
    return Share(count=count, of=of, share=count / of, low=float(interval.low), high=float(interval.high))
