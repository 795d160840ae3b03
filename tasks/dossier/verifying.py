"""Is everything in a dossier as it was recorded, and does it give the numbers that it claims?"""

from collections.abc import Collection

from pydantic import ValidationError

from archdb import Body
from archdb.copies import Dossier, check_events
from tasks.domain import OWN_DOMAIN
from tasks.dossier.judging import Judgement
from tasks.dossier.programs import check_data, check_programs, check_source, check_texts
from tasks.dossier.recomputing import recompute
from tasks.dossier.trace import trace_of


def verify_dossier(dossier: Dossier, judgement: Judgement, domains: Collection[str] = (OWN_DOMAIN,)) -> list[Body]:
    """Check hashes, the event chain and every number. Returns the leaderboard that raw results give.

    Whatever the file holds, this raises nothing: what nothing can be computed from is a difference.

    Args:
        dossier: as it was read.
        judgement: what is found is noted there.
        domains: modules that may be imported: the file names one of them, and its author may be anybody.
    """
    try:
        return _verified(dossier, judgement, domains)
    except Exception as fault:
        told = (str(fault).splitlines() or [""])[0]
        judgement.differ(
            f"What follows in the dossier of {dossier.name} cannot be computed ({type(fault).__name__}: {told})."
        )
        return []


def _verified(dossier: Dossier, judgement: Judgement, domains: Collection[str]) -> list[Body]:
    check_texts(dossier, judgement)
    judgement.head, judgement.anchors, faults = check_events(dossier)
    judgement.events = len(dossier.events)
    judgement.differences += [one.sentence for one in faults]
    if dossier.anchors is None:
        judgement.notes.append(
            "The dossier has no anchors: a log that was written anew from some event on goes unseen."
        )
    try:
        trace = trace_of(dossier, judgement, domains)
    except (ValidationError, ValueError) as fault:
        judgement.differ(f"The campaign of the dossier cannot be read: {str(fault).splitlines()[0]}.")
        return []
    judgement.agree(dossier.name, "name", dossier.name, trace.campaign.id)
    check_programs(dossier, trace, judgement)
    check_data(dossier, trace, judgement)
    check_source(dossier, trace, judgement)
    scale = trace.domain.scale(trace.campaign.scale).model_dump(mode="json")
    judgement.agree(trace.campaign.scale, "the scale", dossier.manifest.get("scale"), scale)
    board = recompute(trace, judgement)
    _claims(dossier, board, judgement)
    return board


def _claims(dossier: Dossier, board: list[Body], judgement: Judgement) -> None:
    """The leaderboard that the dossier claims, row by row: each of them, also where several have one id."""
    claimed: list[Body] = dossier.manifest.get("leaderboard") or []
    order = [row["id"] for row in board]
    judgement.agree("the leaderboard", "order", [row.get("id") for row in claimed], order)
    computed = dict(zip(order, board, strict=True))
    for row in claimed:
        if row.get("id") in computed:
            judgement.agree(f"{row['id']} in the leaderboard", "", row, computed[row["id"]])
