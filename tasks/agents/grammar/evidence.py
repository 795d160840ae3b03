"""What the population says about single choices, and how evidence becomes preference.

The estimate is deliberately plain: the difference of mean fitness with and without a choice, shrunk towards zero when
few designs back it. It steers proposals; it is no claim.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from archdb import Hit
from tasks.agents.grammar.ancestors import design_of
from tasks.agents.protocols import Peer

PRIOR_DESIGNS = 2.0  # as if this many designs had shown no effect
MOST_TILT = 1.5  # the largest exponent that one piece of evidence may give to a preference


class Effect(BaseModel):
    """How designs with a choice fared against those without it."""

    model_config = ConfigDict(frozen=True)

    choice: str  # "slot=choice"
    effect: float  # shrunk difference of mean fitness
    with_it: tuple[str, ...]  # experiment ids
    without_it: tuple[str, ...]


def choices_of(peer: Peer) -> set[str]:
    """The "slot=choice" pairs of an experiment; empty where the grammar has no words for it."""
    design = design_of(peer)
    return {f"{slot}={choice}" for slot, choice in design.choices.items()} if design else set()


def component_effects(population: Sequence[Peer]) -> dict[str, Effect]:
    """The effect of every choice that some evaluated designs have and others lack."""
    scored = [(one, choices_of(one)) for one in population if one.fitness is not None]
    scored = [(one, choices) for one, choices in scored if choices]
    effects = {}
    for choice in sorted(set().union(*(choices for _, choices in scored)) if scored else ()):
        having = [one for one, choices in scored if choice in choices]
        lacking = [one for one, choices in scored if choice not in choices]
        if not having or not lacking:
            continue
        difference = fmean(one.fitness or 0.0 for one in having) - fmean(one.fitness or 0.0 for one in lacking)
        backing = min(len(having), len(lacking))
        effects[choice] = Effect(
            choice=choice,
            effect=difference * backing / (backing + PRIOR_DESIGNS),
            with_it=tuple(one.id for one in having),
            without_it=tuple(one.id for one in lacking),
        )
    return effects


def preferences(hits: Sequence[Hit], effects: dict[str, Effect]) -> dict[str, float]:
    """A positive weight per choice: papers that were found raise theirs, findings and effects tilt either way."""
    weights: dict[str, float] = {}
    for rank, hit in enumerate(hits):
        if hit.kind == "paper":
            factor = 1.0 + 2.0 / (rank + 1)
        else:
            factor = math.exp(max(-MOST_TILT, min(MOST_TILT, hit.effect)) / (rank + 1) ** 0.5)
        for choice in hit.components:
            weights[choice] = weights.get(choice, 1.0) * factor
    for choice, effect in effects.items():
        tilt = math.exp(max(-MOST_TILT, min(MOST_TILT, effect.effect)))
        weights[choice] = weights.get(choice, 1.0) * tilt
    return weights
