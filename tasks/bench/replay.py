"""One search replayed on a table: a sampler chooses parents, the grammar changes them, the table says how that went."""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archdb import Outline
from evaluation import Tried
from tasks.agents.grammar.ancestors import BASELINES, choices_by_name
from tasks.agents.grammar.evolve import vary
from tasks.agents.grammar.space import Design, canonical, random_design
from tasks.bench.landscape import Landscape
from tasks.samplers.map_elites import LATENCY
from tasks.samplers.population import Sampler

START = 5  # random designs that every search begins with, besides the baselines


@dataclass(frozen=True)
class Replay:
    """What one search found, training by training."""

    regret: NDArray[np.float64]  # [trainings], after each one
    distance: float  # slots between a proposal and the design that stood for it, on average


def replay(ground: Landscape, sampler: Sampler, number: int, trainings: int) -> Replay:
    """Search until ``trainings`` designs were tried. Replays of the same ``number`` share their first designs, the seed
    that each design happens to be trained with, and the chance of each step, whatever the sampler.
    """
    begin = random.Random(f"{number}/begin")
    order = begin.sample(range(len(ground.designs)), min(START, trainings))
    luck = [begin.randrange(len(one.fitness)) if one.fitness else 0 for one in ground.designs]
    left = np.ones(len(ground.designs), bool)
    population = [as_baseline(one) for one in ground.baselines]
    designs = {one.id: canonical(BASELINES[one.name]) for one in population if one.name in BASELINES}
    distances: list[int] = []
    for cycle in range(1, trainings + 1):
        parents: tuple[str, ...] = ()
        if cycle <= len(order):
            index = order[cycle - 1]
        else:
            chance = random.Random(f"{number}/{cycle}")
            parents = sampler(population, cycle, chance)
            index, distance = ground.nearest(_proposal([designs[one] for one in parents], chance), left, chance)
            distances.append(distance)
            order.append(index)
        left[index] = False
        made = as_candidate(ground.designs[index], luck[index], cycle, parents)
        designs[made.id] = ground.grammar[index]
        population.append(made)
    best = np.maximum.accumulate(ground.truth[order])
    return Replay(regret=ground.truth.max() - best, distance=float(np.mean(distances)) if distances else 0.0)


def _proposal(parents: list[Design], chance: random.Random) -> Design:
    if not parents:
        return random_design(chance)
    return vary(parents[0], [one for one in parents[1:] if one != parents[0]], chance)


def as_baseline(one: Tried) -> Outline:
    """A baseline as a campaign would have it."""
    return Outline(
        id=one.name,
        campaign="table",
        kind="baseline",
        name=one.name,
        tags=("quadratic",) if one.quadratic else (),
        components=dict(choices_by_name(one.name, one.components)),
        state="done",
        fitness=float(np.mean(one.fitness)),
        gains={name: float(np.mean([gains[name] for gains in one.gains])) for name in one.gains[0]},
        efficiency={LATENCY: one.train_cpu_seconds},
    )


def as_candidate(one: Tried, seed: int, cycle: int, parents: tuple[str, ...]) -> Outline:
    """A design of the table as a campaign would have it that had proposed it in this cycle."""
    return Outline(
        id=f"c{cycle:03d}",
        campaign="table",
        kind="candidate",
        cycle=cycle,
        name=one.name,
        parents=parents,
        components=one.components,
        state="done" if one.fitness else "failed",
        fitness=one.fitness[seed] if one.fitness else None,
        gains=one.gains[seed] if one.fitness else {},
        # The table has no latency; what training took goes with it.
        efficiency={LATENCY: one.train_cpu_seconds} if one.fitness else {},
    )
