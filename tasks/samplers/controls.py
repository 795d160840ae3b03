"""What a sampler has to beat: no judgement at all, no chance at all, and what a search has to beat: no parents."""

import random
from collections.abc import Sequence

from archdb import Outline
from tasks.samplers.population import best_first


def uniform(population: Sequence[Outline], cycle: int, chance: random.Random) -> tuple[str, ...]:
    """Any two designs, each pair equally likely."""
    able = [one.id for one in best_first(population)]
    return tuple(chance.sample(able, min(2, len(able))))


def greedy(population: Sequence[Outline], cycle: int, chance: random.Random) -> tuple[str, ...]:
    """The two best, always."""
    return tuple(one.id for one in best_first(population)[:2])


def nobody(population: Sequence[Outline], cycle: int, chance: random.Random) -> tuple[str, ...]:
    """No design: what a cycle proposes comes from nowhere."""
    return ()
