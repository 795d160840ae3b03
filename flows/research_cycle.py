"""One cycle: sample -> propose -> codegen -> compile-check (<-> repair) -> gpu-train -> benchmark -> analyze.

Then the ablations that the analysis has asked for: a cycle is finished when they are.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count

from prefect import flow
from prefect.runtime import flow_run

from archdb import (
    Campaign,
    Experiment,
    create_experiment,
    extend_campaign,
    get_experiment,
    next_cycle,
    open_store,
    unfinished_cycles,
)
from flows.ablate import ablate
from flows.announcing import announce_cycle, at_work
from flows.approval import await_start
from flows.artifacts import show_cycle
from flows.choices import AtLeastOne
from flows.estimate import campaign_estimate
from flows.given_design import check_and_evaluate
from flows.governed import cancelled_by_people, refuse_halted
from flows.joining import join
from flows.leased import working_on
from flows.pulse import beating
from flows.seed_baselines import seed_baselines
from flows.within_budget import within_budget
from tasks.analyze import analyze
from tasks.codegen import codegen
from tasks.propose import propose
from tasks.sample import sample


def _run_name() -> str:
    given = flow_run.parameters
    return f"{given['campaign']}-next" if given["cycle"] is None else cycle_id(given["campaign"], given["cycle"])


@flow(name="research-cycle", flow_run_name=_run_name)
@beating
@cancelled_by_people
def research_cycle(campaign: str = "default", cycle: AtLeastOne | None = None) -> str:
    """Run one cycle of a campaign, or go on with it at the first stage that is missing.

    A campaign that does not exist is created with the defaults, and one without baselines gets them first.

    Args:
        campaign: the campaign's name.
        cycle: the number of the cycle, from 1; without one, the first that is unfinished and free, else a new one.

    Returns:
        The experiment's id and how it ended.
    """
    record = join(campaign)
    refuse_halted(open_store(), campaign)
    await_start(open_store(), record, partial(campaign_estimate, open_store(), record, max(record.cycles, cycle or 1)))
    with at_work(campaign):
        return _run(record, cycle)


def _run(record: Campaign, cycle: int | None) -> str:
    campaign = record.id
    if record.panel is None:
        seed_baselines(campaign)
    for number in cycles_to_try(campaign) if cycle is None else (cycle,):
        experiment = create_experiment(
            open_store(),
            cycle_id(campaign, number),
            campaign=campaign,
            kind="candidate",
            name=f"cycle {number}",
            cycle=number,
        )
        worked = False
        with working_on(experiment) as token:
            if token is not None:
                extend_campaign(open_store(), campaign, number)
                within_budget(partial(sample, experiment.id, token), experiment, token)
                within_budget(partial(propose, experiment.id, token), experiment, token)
                within_budget(partial(codegen, experiment.id, token), experiment, token)
                check_and_evaluate(experiment.id, token)
                within_budget(partial(analyze, experiment.id, token), experiment, token)
                worked = True
        worked = ablate(experiment.id) or worked
        show_cycle(experiment.id)
        if worked:
            announce_cycle(experiment)
            break
    return describe(get_experiment(open_store(), experiment.id))


def cycles_to_try(campaign: str) -> Iterator[int]:
    """The numbers of unfinished cycles, then new numbers without end: another worker may hold or take any of them."""
    store = open_store()
    yield from unfinished_cycles(store, campaign)
    yield from count(next_cycle(store, campaign))


def cycle_id(campaign: str, cycle: int) -> str:
    """The id of a cycle's experiment."""
    return f"{campaign}-c{cycle:03d}"


def describe(experiment: Experiment) -> str:
    """One line for logs and for Prefect's result column."""
    if experiment.failure is not None:
        return f"{experiment.id} {experiment.name}: failed in {experiment.failure.stage}: {experiment.failure.message}"
    if experiment.fitness is None:
        return f"{experiment.id} {experiment.name}: {experiment.state}"
    return f"{experiment.id} {experiment.name}: fitness {experiment.fitness:+.3f}"
