"""Campaigns as searches that can be put beside each other."""

from collections.abc import Mapping

from archdb import Campaign, Store, campaign_outlines
from evaluation import Evaluated, Panel, Searches, compare_searches
from tasks.domain import domain_of

SAME = ("domain", "scale", "dataset")


def searches_of(store: Store, first: Campaign, second: Campaign) -> Searches:
    """Two campaigns of this laboratory at equal compute: their designs and ablations count, baselines and tests do not.

    Both are scored against the first one's baselines: those of the second may have been trained on another machine.

    Raises:
        ValueError: their scores do not compare, or one has too few designs at that compute.
    """
    for name in SAME:
        here, there = getattr(first, name), getattr(second, name)
        if here != there:
            raise ValueError(
                f"{first.id} has {name} {here} and {second.id} has {there}, so their scores do not compare: run one of "
                "them again as the other."
            )
    if first.panel is None:
        raise ValueError(f"The baselines of {first.id} are not trained yet: let it go on.")
    panel = Panel.model_validate(first.panel)
    return compare_searches(evaluated_by(store, first, panel), evaluated_by(store, second, panel))


def evaluated_by(store: Store, campaign: Campaign, panel: Panel) -> list[Evaluated]:
    """What a campaign tried, in the order in which it ended, scored against a panel. Children of one parent are one
    family.
    """
    fitness = domain_of(campaign.domain).fitness

    def scored(objectives: Mapping[str, float]) -> float:
        return float(fitness(objectives, panel).value)

    ended = [
        one
        for one in campaign_outlines(store, campaign.id)
        if one.kind in ("candidate", "ablation") and one.finished_at is not None
    ]
    ended.sort(key=lambda one: (one.finished_at or 0.0, one.id))
    return [
        Evaluated(
            one.cpu_seconds,
            one.kind == "candidate",
            scored(one.objectives) if one.fitness is not None else None,
            one.parents[0] if one.parents else "",
        )
        for one in ended
    ]
