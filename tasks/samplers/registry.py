"""Samplers by name. A campaign names one; the stage ``sample`` reads as much of the campaign as it needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.samplers.controls import greedy, nobody, uniform
from tasks.samplers.islands import islands
from tasks.samplers.map_elites import map_elites
from tasks.samplers.paper import LAST, paper
from tasks.samplers.pareto import pareto
from tasks.samplers.population import Sampler
from tasks.samplers.ranked import POOL, ranked
from tasks.samplers.uct import uct


@dataclass(frozen=True)
class Way:
    """A sampler, and how many of the fittest it looks at; None: at every design that has ended."""

    choose: Sampler
    fittest: int | None = None


SAMPLERS: Mapping[str, Way] = {
    "ranked": Way(ranked, POOL),
    "paper": Way(paper, LAST),
    "uct": Way(uct),
    "islands": Way(islands),
    "map-elites": Way(map_elites),
    "pareto": Way(pareto),
    "uniform": Way(uniform),
    "greedy": Way(greedy, 2),
}
NONE = "none"  # designs without parents: the control of a whole search
WAYS: Mapping[str, Way] = {**SAMPLERS, NONE: Way(nobody, 0)}
DEFAULT = "islands"  # of new campaigns; docs/search.md says by which measurement


def way_of(name: str) -> Way:
    """The sampler of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in WAYS:
        raise ValueError(f"No sampler is called {name}: use one of {', '.join(WAYS)}.")
    return WAYS[name]
