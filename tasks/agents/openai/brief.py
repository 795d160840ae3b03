"""What every prompt about code has in common: the contract at the campaign's scale, and the library."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from archdb import Campaign
from evaluation import Objective
from tasks.agents.openai.reference import by_use, reference
from tasks.agents.openai.rules import rules
from tasks.agents.protocols import Peer
from tasks.domain import domain_of


def brief(campaign: Campaign, parents: Sequence[Peer], population: Sequence[Peer]) -> dict[str, Any]:
    """What the templates' contract and library parts are filled with."""
    domain = domain_of(campaign.domain)
    library = by_use(domain.library(), [one.source for one in parents], _baseline_sources(campaign.domain))
    scale = domain.scale(campaign.scale)
    return {"setting": scale, "rules": rules(population).text, "library": reference(library)}


def objectives_of(campaign: Campaign) -> Mapping[str, Objective]:
    """What the campaign's designs are judged by."""
    return domain_of(campaign.domain).objectives_of(campaign.scale)


@cache
def _baseline_sources(domain: str) -> tuple[str, ...]:
    known = domain_of(domain)
    return tuple(known.baseline_source(name) for name in known.baselines())
