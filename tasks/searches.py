"""Campaigns as searches that can be put beside each other."""

from archdb import Campaign, Store, campaign_outlines
from evaluation import Searches, Trial, compare_searches

SAME = ("domain", "scale", "dataset")


def searches_of(store: Store, first: Campaign, second: Campaign) -> Searches:
    """Two campaigns of this laboratory at equal compute: their designs and ablations count, baselines and tests do not.

    Raises:
        ValueError: their fitness does not compare, or one has too few designs at that compute.
    """
    for name in SAME:
        here, there = getattr(first, name), getattr(second, name)
        if here != there:
            raise ValueError(
                f"{first.id} has {name} {here} and {second.id} has {there}, so their fitness does not compare: run one "
                "of them again as the other."
            )
    names = [set(one.panel["baselines"]) if one.panel else set() for one in (first, second)]
    if names[0] != names[1]:
        told = ", ".join(sorted(names[0] ^ names[1]))
        raise ValueError(
            f"{first.id} and {second.id} were measured against other baselines ({told} of one alone), so their fitness "
            "does not compare: run one of them again with the same --baseline."
        )
    return compare_searches(tried_by(store, first), tried_by(store, second))


def tried_by(store: Store, campaign: Campaign) -> list[Trial]:
    """What a campaign tried, in the order in which it ended. Children of one parent are one family."""
    ended = [
        one
        for one in campaign_outlines(store, campaign.id)
        if one.kind in ("candidate", "ablation") and one.finished_at is not None
    ]
    ended.sort(key=lambda one: (one.finished_at or 0.0, one.id))
    return [
        Trial(one.cpu_seconds, one.kind == "candidate", one.fitness, one.parents[0] if one.parents else "")
        for one in ended
    ]
