"""Experiments as the agents see them."""

from archdb import Experiment, Store, get_text, walk_campaign
from tasks.agents.protocols import Peer


def peer(experiment: Experiment, source: str = "") -> Peer:
    """The record without what no agent needs."""
    return Peer(
        id=experiment.id,
        name=experiment.name,
        kind=experiment.kind,
        source=source,
        components=experiment.components,
        fitness=experiment.fitness,
        gains=experiment.gains,
        objectives=experiment.objectives,
        failure=f"{experiment.failure.stage}: {experiment.failure.message}" if experiment.failure else "",
    )


def peer_with_source(store: Store, experiment: Experiment) -> Peer:
    return peer(experiment, get_text(store, experiment.code) if experiment.code else "")


def population(store: Store, campaign: str) -> tuple[Peer, ...]:
    """Every design of a campaign so far: finished, failed, and proposed by cycles in flight (these have no scores)."""
    designs = walk_campaign(store, campaign, stages=False)
    return tuple(peer(one) for one in designs if one.state != "open" or one.components)
