"""Campaigns that were imported: what may be taken from them, and what may not be done in them."""

from archdb import Campaign, Conflict, NotFound, Store, get_campaign, ranked_by_score


def check_parents_from(store: Store, campaign: str) -> None:
    """Refuse to draw parents from a campaign that cannot give any; an empty name asks for none.

    Raises:
        NotFound: there is no campaign of this name.
        Conflict: it was not imported, or none of its designs has a program.
    """
    if not campaign:
        return
    try:
        record = get_campaign(store, campaign)
    except NotFound as fault:
        raise NotFound(
            f"No campaign is called {campaign}: import it first with `archloop import asi-arch PATH "
            f"--campaign {campaign}`."
        ) from fault
    if not record.ranked_by:
        raise Conflict(
            f"Campaign {campaign} was not imported, and its designs have a fitness of their own: --parents-from takes "
            "an imported campaign, such as `archloop import asi-arch PATH` makes."
        )
    if not ranked_by_score(store, campaign, record.ranked_by, 1, with_code=True):
        raise Conflict(
            f"No design of {campaign} has both a score and a program: import a clone of github.com/GAIR-NLP/ASI-Arch, "
            f"which has 106 programs, with `archloop import asi-arch CLONE --campaign {campaign}`."
        )


def refuse_imported(campaign: Campaign) -> None:
    """Nothing runs in an imported campaign: it has no baselines, no scale and no fitness of ours.

    Raises:
        Conflict: the campaign was imported.
    """
    if campaign.ranked_by:
        raise Conflict(
            f"Campaign {campaign.id} was imported from {campaign.dataset}, and nothing runs in it: work in another one "
            f"with --campaign NAME, or start one with `archloop run --campaign NAME --parents-from {campaign.id}`."
        )
