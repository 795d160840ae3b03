"""What is a component worth to a design? The design against itself without the component, on the same seeds.

Several seeds are paired: what a seed does to both sides cancels. A single pair has no spread of its own; then the
reference's seeds say how much trainings of one design differ, and the difference of two has sqrt(2) times that. Few
seeds say little about their own spread, so intervals are Student's t and wide with three of them.
"""

import math
from collections.abc import Mapping, Sequence

from pydantic import FiniteFloat

from evaluation.comparison import CONFIDENCE
from evaluation.confirmation import confirm
from evaluation.fitness import Fitness, Panel, deviation, fitness
from evaluation.reports import Report


class Effect(Report):
    """Design minus knock-out, positive where the component helps; the interval is None where nothing tells a spread."""

    difference: FiniteFloat
    low: FiniteFloat | None = None  # two-sided 95% interval
    high: FiniteFloat | None = None

    @property
    def seen(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class ComponentEffect(Report):
    """What a component is worth: in fitness, and in each objective's gain, which has fitness's units."""

    version: int = 1
    component: str
    seeds: int  # of each side
    fitness: Effect
    objectives: dict[str, Effect]


def component_effect(
    component: str, design: Sequence[Mapping[str, float]], without: Sequence[Mapping[str, float]], panel: Panel
) -> ComponentEffect:
    """Compare the objectives of each seed of a design with those of the same seeds without one component.

    Args:
        component: its name.
        design: objectives by seed.
        without: those of the knock-out, for the same seeds in the same order.
        panel: what gains are measured against; its reference's seeds are the noise of a single pair.

    Raises:
        ValueError: the two sides have different numbers of seeds or none, or ``fitness`` refuses their objectives.
    """
    if len(design) != len(without) or not design:
        raise ValueError(
            f"The design has {len(design)} seeds and its knock-out {len(without)}; train both on the same ones."
        )
    ours, theirs = ([fitness(one, panel) for one in side] for side in (design, without))
    counts = range(min(len(seeds) for seeds in panel.reference.values()))
    noise = [fitness({name: seeds[i] for name, seeds in panel.reference.items()}, panel) for i in counts]
    return ComponentEffect(
        component=component,
        seeds=len(design),
        fitness=_effect(*([one.value for one in side] for side in (ours, theirs, noise))),
        objectives={name: _effect(*(_gains(side, name) for side in (ours, theirs, noise))) for name in panel.reference},
    )


def _gains(side: Sequence[Fitness], objective: str) -> list[float]:
    return [one.gains[objective].normalised for one in side]


def _effect(design: Sequence[float], without: Sequence[float], noise: Sequence[float]) -> Effect:
    """``noise`` are values of one and the same design on several seeds, which only a single pair needs."""
    if len(design) > 1:
        paired = confirm(design, without)
        return Effect(difference=paired.difference, low=paired.low, high=paired.high)
    difference = design[0] - without[0]
    error = deviation(noise) * math.sqrt(2)
    if error == 0:
        return Effect(difference=difference)
    from scipy.stats import t  # here, because it takes longer to import than all the rest of evaluation

    half = float(t.ppf((1 + CONFIDENCE) / 2, len(noise) - 1)) * error
    return Effect(difference=difference, low=difference - half, high=difference + half)
