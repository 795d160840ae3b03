"""Where a finished design stands: on the Pareto fronts of its campaign, and as the best of its branch.

Recorded before the analysis is, and without effect when it is recorded again: a cycle that is done anew after a crash
puts right what the first try left out.
"""

from archdb import FITNESS, Better, Experiment, Store, offer, raise_branches, record_places
from tasks.domain import Domain

GAINS = "gains"  # the front over every objective's gain
COSTS = "costs"  # the front of fitness against what a design costs
COST_MEASURES = ("prefill_seconds", "decode_seconds", "peak_bytes")  # of those that a domain measures


def record_standing(store: Store, experiment: Experiment, domain: Domain) -> None:
    """Keep a design's place in the tree, tell its ancestors of its fitness, and offer it to both fronts unless it is
    a quadratic baseline, with which others are compared and not ranked.
    """
    record_places(store, [experiment])
    raise_branches(store, experiment)
    if experiment.fitness is not None and "quadratic" not in experiment.tags:
        offer(store, experiment, GAINS, dict.fromkeys(sorted(experiment.gains), "higher"))
        offer(store, experiment, COSTS, cost_axes(domain))


def cost_axes(domain: Domain) -> dict[str, Better]:
    """Fitness, and the measures of cost that the domain has, each with its better direction."""
    measured = {name: domain.MEASURES[name].better for name in COST_MEASURES if name in domain.MEASURES}
    return {FITNESS: "higher", **measured}
