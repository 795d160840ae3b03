"""Whatever trains a campaign's design has to do it on the campaign's data, or its numbers compare with nothing."""

from collections.abc import Mapping

from archdb import Campaign, Conflict
from flows.settings import dataset_of
from tasks.domain import domain_of


def require_same_data(campaign: Campaign, recorded: Mapping[str, str] | None = None) -> None:
    """Refuse data of this process that are not the campaign's.

    Args:
        campaign: whose design is to be trained.
        recorded: name and hashes of the data of an earlier training that is to be repeated, if it is.

    Raises:
        Conflict: the data are others; the sentence says what to do.
    """
    here = dataset_of(campaign.domain)
    if campaign.dataset and campaign.dataset != here:
        raise Conflict(
            f"Campaign {campaign.id} trains on {campaign.dataset}, and this machine has {here}: give it the same data "
            "(ARCHLOOP_CORPUS), as docs/kubernetes.md says."
        )
    found = domain_of(campaign.domain).corpus().fingerprint
    other = [part for part, told in (recorded or {}).items() if found.get(part) != told]
    if other:
        raise Conflict(
            f"The {' and '.join(other)} of the data here ({here}) are not what the recorded training in campaign "
            f"{campaign.id} had: give this machine the same data (ARCHLOOP_CORPUS), as docs/kubernetes.md says."
        )
