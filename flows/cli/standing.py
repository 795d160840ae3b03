"""What people decided on a campaign and what it waits for, as `archloop status` shows it."""

from collections.abc import Iterator
from typing import Any

from archdb import Campaign, Store, forks_of
from archdb.governance import Request, get_control, halt_of, refusal_of, requests_of, standing_of, waiting_requests
from flows.cli.control import control_json


def standing_lines(store: Store, campaign: Campaign) -> Iterator[str]:
    """Sentences with the remedy, where something keeps it from going on; then where it comes from and what became
    of it.
    """
    halt = halt_of(store, campaign.id)
    if halt is not None:
        yield halt.sentence
    for one in _waiting(store, campaign):
        yield f"Waiting for approval. {standing_of(store, one)}"
    for one in requests_of(store, campaign.id):
        if (one.what, one.state) == ("campaign", "refused"):
            yield refusal_of(one)
    if campaign.forked_from:
        yield f"A fork of {campaign.forked_from}, from {', '.join(campaign.forked)}."
    forks = [one.id for one in forks_of(store, campaign.id)]
    if forks:
        yield f"Forked as {', '.join(forks)}."


def standing_json(store: Store, campaign: Campaign) -> dict[str, Any]:
    """The same for a machine. ``halted`` is the switch that keeps it from going on, or null."""
    halt = halt_of(store, campaign.id)
    return {
        "control": control_json(get_control(store, campaign.id)),
        "halted": control_json(halt) if halt else None,
        "waiting": [one.model_dump(by_alias=True) for one in _waiting(store, campaign)],
        "forked_from": campaign.forked_from or None,
        "forks": [one.id for one in forks_of(store, campaign.id)],
    }


def _waiting(store: Store, campaign: Campaign) -> list[Request]:
    """What concerns the campaign alone, then what concerns everything."""
    return [*waiting_requests(store, campaign.id), *waiting_requests(store, "")]
