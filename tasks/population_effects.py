"""What components and pairs of them are worth over all designs of a campaign, objective by objective."""

from collections.abc import Iterable, Mapping, Sequence

from archdb import FITNESS, Campaign, Outline, Store, campaign_outlines
from evaluation import Population, PopulationDesign, population_effects
from tasks.agents.protocols import CertainEffect
from tasks.domain import domain_of


def effects_of(store: Store, campaign: Campaign) -> dict[str, Population]:
    """The effects on fitness and on the gain in each objective, in units of noise and spread; positive is better."""
    objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
    return effects_among(campaign_outlines(store, campaign.id), objectives)


def effects_among(designs: Iterable[Outline], objectives: Iterable[str]) -> dict[str, Population]:
    """The same of these designs, the same in whatever order they come.

    Designs that cycles made count, each with its own scores. Those of ablations and repetitions do not: they are no
    children that a search chose.
    """
    scored = [
        one
        for one in sorted(designs, key=lambda one: one.id)
        if one.kind == "candidate" and one.fitness is not None and one.components and one.parents
    ]
    return {name: population_effects(_designs(scored, name)) for name in (FITNESS, *objectives)}


def certain_effects(found: Mapping[str, Population]) -> tuple[CertainEffect, ...]:
    """The effects whose intervals exclude 0, the largest first."""
    certain = [
        CertainEffect(
            choices=one.choices, objective=name, effect=one.effect, low=one.low, high=one.high, families=one.families
        )
        for name, population in found.items()
        for one in (*population.marginal, *population.pairwise)
        if one.certain
    ]
    return tuple(sorted(certain, key=lambda one: (-abs(one.effect), one.objective, one.choices)))


def _designs(scored: Sequence[Outline], name: str) -> list[PopulationDesign]:
    found = ((one, one.fitness if name == FITNESS else one.gains.get(name)) for one in scored)
    return [PopulationDesign(one.components, one.parents[0], score) for one, score in found if score is not None]
