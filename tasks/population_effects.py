"""What components and pairs of them are worth over all designs of a campaign, objective by objective."""

from archdb import Campaign, Outline, Store, campaign_outlines
from evaluation import Population, PopulationDesign, population_effects
from tasks.domain import domain_of

FITNESS = "fitness"


def effects_of(store: Store, campaign: Campaign) -> dict[str, Population]:
    """The effects on fitness and on the gain in each objective, in units of noise and spread; positive is better.

    Designs that cycles made count, each with its own scores. Those of ablations and repetitions do not: they are no
    children that a search chose.
    """
    scored = [
        one
        for one in campaign_outlines(store, campaign.id)
        if one.kind == "candidate" and one.fitness is not None and one.components and one.parents
    ]
    names = (FITNESS, *domain_of(campaign.domain).objectives_of(campaign.scale))
    return {name: population_effects(_designs(scored, name)) for name in names}


def _designs(scored: list[Outline], name: str) -> list[PopulationDesign]:
    found = ((one, one.fitness if name == FITNESS else one.gains.get(name)) for one in scored)
    return [PopulationDesign(one.components, one.parents[0], score) for one, score in found if score is not None]
