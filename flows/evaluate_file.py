"""Evaluate a file that a person handed in, beside a campaign's baselines."""

import hashlib
from functools import partial

from prefect import flow

from archdb import Campaign, Experiment, create_experiment, get_campaign, open_store
from evaluation import Comparison
from flows.approval import await_start
from flows.estimate import given_estimate
from flows.given_design import evaluate_source
from flows.governed import cancelled_by_people, refuse_halted
from flows.pulse import beating
from flows.research_cycle import describe
from flows.seed_baselines import seed_baselines
from tasks.domain import domain_of


@flow(name="evaluate-file", flow_run_name="{campaign}-{name}")
@beating
@cancelled_by_people
def evaluate_file(campaign: str, source: str, name: str, seeds: int = 1, parallel: int = 2) -> str:
    """Check, train and benchmark one design against the campaign's baselines, which are trained first if missing.

    Args:
        campaign: the campaign to compare in; it must exist.
        source: the text of a Python file with a class Candidate.
        name: what to call it.
        seeds: how many seeds to train.
        parallel: how many baselines are evaluated at a time.

    Returns:
        How it ended, in a line.
    """
    refuse_halted(open_store(), campaign)
    record = get_campaign(open_store(), campaign)
    await_start(open_store(), record, partial(given_estimate, open_store(), record, 1, seeds))
    seed_baselines(campaign, parallel)
    experiment = create_experiment(
        open_store(),
        file_id(campaign, source, seeds),
        campaign=campaign,
        kind="external",
        name=name,
        seeds=tuple(range(seeds)),
    )
    return describe(evaluate_source(experiment, source))


def file_id(campaign: str, source: str, seeds: int) -> str:
    """The id of a file's experiment: the same text with the same number of seeds is the same experiment."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    return f"{campaign}-x{digest}" + (f"-{seeds}seeds" if seeds > 1 else "")


def compare_with_reference(campaign: Campaign, experiment: Experiment) -> Comparison:
    """The design's seeds against the reference's, with intervals.

    Raises:
        ValueError: the experiment has no scores or the campaign no panel.
    """
    if campaign.panel is None or not experiment.objectives:
        raise ValueError(f"{experiment.id} cannot be compared before it and the baselines are benchmarked.")
    stages = [experiment.stage("benchmark", seed=seed) for seed in experiment.seeds]
    mine = {
        name: [float(stage.summary["objectives"][name]) for stage in stages if stage] for name in experiment.objectives
    }
    return domain_of(campaign.domain).compare(mine, campaign.panel["reference"])
