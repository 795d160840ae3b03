"""Is everything in a dossier as it was recorded, and does it give the numbers that it claims?"""

from pydantic import ValidationError

from archdb import Body
from archdb.copies import Dossier, check_events
from tasks.dossier.judging import Judgement
from tasks.dossier.programs import check_data, check_programs, check_source, check_texts
from tasks.dossier.recomputing import recompute
from tasks.dossier.trace import trace_of


def verify_dossier(dossier: Dossier, judgement: Judgement) -> list[Body]:
    """Check hashes, the event chain and every number. Returns the leaderboard that raw results give."""
    check_texts(dossier, judgement)
    judgement.head, judgement.anchors, faults = check_events(dossier)
    judgement.events = len(dossier.events)
    judgement.differences += [one.sentence for one in faults]
    if dossier.anchors is None:
        judgement.notes.append(
            "The dossier has no anchors: a log that was written anew from some event on goes unseen."
        )
    try:
        trace = trace_of(dossier, judgement)
    except (ValidationError, ValueError) as fault:
        judgement.differ(f"The campaign of the dossier cannot be read: {str(fault).splitlines()[0]}")
        return []
    judgement.agree(dossier.name, "name", dossier.name, trace.campaign.id)
    check_programs(dossier, trace, judgement)
    check_data(dossier, trace, judgement)
    check_source(dossier, trace, judgement)
    scale = trace.domain.scale(trace.campaign.scale).model_dump(mode="json")
    judgement.agree(trace.campaign.scale, "the scale", dossier.manifest.get("scale"), scale)
    board = recompute(trace, judgement)
    claimed = {row["id"]: row for row in dossier.manifest.get("leaderboard") or ()}
    judgement.agree("the leaderboard", "order", list(claimed), [row["id"] for row in board])
    for row in board:
        if row["id"] in claimed:
            judgement.agree(f"{row['id']} in the leaderboard", "", claimed[row["id"]], row)
    return board
