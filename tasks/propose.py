"""Stage ``propose``: the Researcher names a design and says why, from lineage and literature.

One whose idea the campaign had before is asked for once more (tasks/reconsider.py).
"""

import time
from collections.abc import Sequence

from archdb import (
    Experiment,
    Proposed,
    Store,
    find_proposal,
    get_campaign,
    get_experiment,
    get_report,
    put_report,
    put_text,
    record_once,
)
from archdb.cognition import Hit, search
from tasks.agents.desk import desk_of
from tasks.agents.protocols import Proposal, Question
from tasks.agents.providers import agents_of
from tasks.domain import domain_of
from tasks.foresight import foresight
from tasks.peers import component_effects, component_gains, peer_with_source, population
from tasks.reconsider import judgements, noted, reconsidered
from tasks.stage import Outcome, run_stage, stage_task

PAPERS, FINDINGS = 6, 4  # the most that a proposal is shown of each


@stage_task("propose")
def propose(experiment_id: str, token: int) -> None:
    """Record a proposal: name, motivation, what was looked up and what of it was used."""
    run_stage(experiment_id, token, "propose", _propose)


def _propose(store: Store, experiment: Experiment) -> Outcome:
    campaign = get_campaign(store, experiment.campaign)
    objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
    question = Question(
        campaign=campaign.id,
        cycle=experiment.cycle or 0,
        seed=campaign.seed,
        parents=tuple(peer_with_source(store, get_experiment(store, one)) for one in experiment.parents),
        population=population(store, campaign.id),
        objective_titles={name: one.title for name, one in objectives.items()},
        gains=component_gains(store, campaign.id),
        effects=component_effects(store, campaign.id, objectives),
        foresight=foresight(store, campaign),
    )

    def retrieve(query: str) -> Sequence[Hit]:
        papers = search(query, limit=PAPERS, kind="paper")
        return papers + search(query, limit=FINDINGS, kind="finding", campaign=campaign.id)

    proposal = _recorded(store, experiment)
    if proposal is None:
        agents = agents_of(campaign.provider, desk_of(store, campaign, experiment))
        proposal = reconsidered(store, experiment, agents.researcher, question, retrieve)
        _record(store, experiment, proposal)
    return Outcome(
        summary={
            "name": proposal.name,
            "query": proposal.query,
            "retrieved": list(proposal.retrieved),
            "used": list(proposal.used),
        }
        | noted(store, judgements(store, experiment)),
        report=proposal,
        patch={
            "name": proposal.name,
            "motivation": put_text(store, proposal.motivation),
            "components": proposal.components,
        },
    )


def _recorded(store: Store, experiment: Experiment) -> Proposal | None:
    """What the Researcher answered before a crash: nobody is asked, or paid, twice."""
    found = find_proposal(store, experiment.id)
    return Proposal.model_validate(get_report(store, found.reply)["body"]) if found else None


def _record(store: Store, experiment: Experiment, proposal: Proposal) -> None:
    record_once(
        store,
        Proposed(
            id=experiment.id,
            campaign=experiment.campaign,
            name=proposal.name,
            parents=proposal.parents,
            components=proposal.components,
            reply=put_report(store, "Proposal", 1, proposal.model_dump(mode="json")),
            query=proposal.query,
            retrieved=proposal.retrieved,
            used=proposal.used,
            created_at=time.time(),
        ),
    )
