"""Anchors: the end of the event log, written into MLflow tags, where whoever cuts the log cannot reach them.

Every closed run carries the end at that time, and the MLflow experiment of a scale the end when each campaign ended.
"""

from collections.abc import Iterator, Mapping

from archdb import Campaign, Store, log_head, open_store
from archdb.audit import Anchor, Anchors
from tasks import tracking
from tasks.stage import stage_task

HEAD = "archloop.audit_head"  # SEQUENCE:HASH
CHAIN = "archloop.audit_chain"  # hash of the log's first event: several stores may share an MLflow server


def anchor_tags(store: Store, of: str = "") -> dict[str, str]:
    """The tags that remember the log's end as it is now; ``of`` is put behind their names."""
    end = log_head(store)
    suffix = f".{of}" if of else ""
    return {HEAD + suffix: str(end), CHAIN + suffix: end.chain} if end else {}


@stage_task("anchor")
def anchor_campaign(campaign: Campaign) -> None:
    """Remember the log's end at the end of a campaign."""
    tracking.tag_scale(campaign.scale, campaign.domain, anchor_tags(open_store(), campaign.id))


def find_anchors(store: Store) -> Anchors:
    """Every anchor in MLflow.

    Raises:
        TransportFault: MLflow does not answer.
    """
    end = log_head(store)
    campaigns = (one for tags in tracking.tagged_scales() for one in _of_campaigns(tags))
    return Anchors(found=(*_of_runs(), *campaigns), until=end.sequence if end else 0)


def _of_runs() -> Iterator[Anchor]:
    for run, tags in tracking.tagged_runs(HEAD):
        name = tags.get(tracking.TAG, "an unknown design")
        yield Anchor(
            place=f"the MLflow run {run} of {name}",
            campaign=tags.get("archloop.campaign", ""),
            head=tags[HEAD],
            chain=tags.get(CHAIN, ""),
            run=run,
        )


def _of_campaigns(tags: Mapping[str, str]) -> Iterator[Anchor]:
    for name, value in tags.items():
        if name.startswith(f"{HEAD}."):
            campaign = name.removeprefix(f"{HEAD}.")
            chain = tags.get(f"{CHAIN}.{campaign}", "")
            yield Anchor(place=f"the end of campaign {campaign} in MLflow", campaign=campaign, head=value, chain=chain)
