"""Stage ``propose``: the Researcher names a design and says why, from lineage and literature."""

from collections.abc import Sequence

from archdb import Experiment, Hit, Store, get_campaign, get_experiment, put_text, search
from tasks.agents.protocols import Question
from tasks.agents.providers import agents_of
from tasks.domain import domain_of
from tasks.peers import peer_with_source, population
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
    )

    def retrieve(query: str) -> Sequence[Hit]:
        papers = search(query, limit=PAPERS, kind="paper")
        return papers + search(query, limit=FINDINGS, kind="finding", campaign=campaign.id)

    proposal = agents_of(campaign.provider).researcher.propose(question, retrieve)
    return Outcome(
        summary={
            "name": proposal.name,
            "query": proposal.query,
            "retrieved": list(proposal.retrieved),
            "used": list(proposal.used),
        },
        report=proposal,
        patch={
            "name": proposal.name,
            "motivation": put_text(store, proposal.motivation),
            "components": proposal.components,
        },
    )
