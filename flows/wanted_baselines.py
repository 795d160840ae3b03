"""Which baselines a campaign trains, and how many trainings these take."""

from collections.abc import Mapping

from archdb import Campaign
from evaluation import Baseline
from tasks.domain import domain_of

REFERENCE_SEEDS = (0, 1, 2)  # of the reference: its spread over them is the noise of every comparison


def wanted_baselines(campaign: Campaign) -> Mapping[str, Baseline]:
    """The baselines of a campaign by name: the domain's default ones, and those that it was started with besides."""
    known = domain_of(campaign.domain).baselines().items()
    return {name: one for name, one in known if one.default or name in campaign.further_baselines}


def baseline_trainings(campaign: Campaign) -> int:
    """How many trainings the baselines of a campaign take together."""
    return sum(len(REFERENCE_SEEDS) if one.reference else 1 for one in wanted_baselines(campaign).values())
