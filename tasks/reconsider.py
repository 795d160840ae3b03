"""A proposal whose idea its campaign had before is told so, and asked for once more, before any code is written.

Each proposal is recorded with its judgement before anything follows from it. So a worker that takes over asks nobody
what was answered, and comes to the same end, whatever other designs have gone on meanwhile.
"""

import time

from archdb import (
    Experiment,
    Judged,
    Store,
    find_judged,
    get_experiment,
    get_report,
    get_text,
    put_report,
    record_judged,
)
from tasks.agents.protocols import Proposal, Question, Repeated, Researcher, Retrieve
from tasks.models import NoAnswer
from tasks.novelty import repeated_idea
from tasks.peers import peer

Judgements = tuple[Judged, ...]


def judgements(store: Store, experiment: Experiment) -> Judgements:
    """Those of a design's proposals so far, in order: none, one, or two where the first repeats an idea."""
    found = (find_judged(store, experiment.id, number) for number in (0, 1))
    return tuple(one for one in found if one is not None)


def reconsidered(
    store: Store, experiment: Experiment, researcher: Researcher, question: Question, retrieve: Retrieve
) -> Proposal:
    """The proposal to go on with: the first, or the second where the first one repeats an earlier design.

    A second proposal that repeats one as well goes on, and so does the first if the Researcher stays with it or gives
    no usable answer: likeness is no proof.
    """
    first = find_judged(store, experiment.id, 0)
    if first is None:
        first = _judged(store, experiment, question, 0, researcher.propose(question, retrieve))
    if not first.repeats:
        return _proposal(store, first)
    second = find_judged(store, experiment.id, 1)
    if second is None:
        try:
            other = researcher.propose_again(question, retrieve, _told(store, first))
        except NoAnswer:
            other = None
        second = _judged(store, experiment, question, 1, other)
    return _proposal(store, second if second.reply else first)


def noted(store: Store, found: Judgements) -> dict[str, object]:
    """For the summary: the proposals that repeat an earlier design, and which one was kept. Empty without any."""
    repeats = [
        {"number": one.number, "proposal": _proposal(store, one).name}
        | {"of": one.repeats, "ground": one.ground, "similarity": one.similarity}
        for one in found
        if one.repeats
    ]
    return {"repeats": repeats, "kept": max(one.number for one in found if one.reply)} if repeats else {}


def _judged(store: Store, experiment: Experiment, question: Question, number: int, proposal: Proposal | None) -> Judged:
    """The proposal recorded with its judgement; without one the first one stands."""
    like = None if proposal is None else repeated_idea(store, experiment, proposal, question)
    one = Judged(
        id=f"{experiment.id}/{number}",
        experiment=experiment.id,
        campaign=experiment.campaign,
        number=number,
        reply="" if proposal is None else put_report(store, "Proposal", 1, proposal.model_dump(mode="json")),
        repeats=like.of if like else "",
        ground=like.ground if like else None,
        similarity=like.similarity if like else None,
        created_at=time.time(),
    )
    return record_judged(store, one)


def _proposal(store: Store, one: Judged) -> Proposal:
    return Proposal.model_validate(get_report(store, one.reply)["body"])


def _told(store: Store, first: Judged) -> Repeated:
    earlier = get_experiment(store, first.repeats)
    return Repeated(
        proposal=_proposal(store, first),
        of=peer(earlier),
        motivation=get_text(store, earlier.motivation) if earlier.motivation else "",
        ground=first.ground or "words",
    )
