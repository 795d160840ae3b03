"""Train the baselines of a campaign: the roots of its lineage, and the panel that fitness is measured against."""

from functools import partial
from statistics import fmean

from prefect import flow

from archdb import Campaign, Experiment, create_experiment, get_campaign, get_experiment, open_store, set_panel
from archdb.governance import require_not_stopped
from flows.approval import await_start
from flows.choices import AtLeastOne
from flows.estimate import campaign_estimate
from flows.given_design import evaluate_source
from flows.governed import cancelled_by_people, refuse_halted
from flows.in_parallel import in_parallel
from flows.joining import join
from flows.leased import working_on
from flows.pulse import beating
from flows.wanted_baselines import REFERENCE_SEEDS, wanted_baselines
from flows.within_budget import within_budget
from tasks.analyze import analyze
from tasks.domain import domain_of
from tasks.faults import Stopped
from tasks.sandbox.jail import stop_everything

LOOK_SECONDS = 2.0  # between looks at baselines that another worker evaluates


class BaselineFailed(Exception):
    """A baseline did not train. One sentence with the reason: without it nothing can be compared."""


@flow(name="seed-baselines", flow_run_name="{campaign}-baselines")
@beating
@cancelled_by_people
def seed_baselines(campaign: str = "default", parallel: AtLeastOne = 2) -> int:
    """Evaluate every baseline that the campaign lacks and fix its panel. Returns how many baselines it has.

    Those that another worker evaluates are waited for; should it die, this one goes on with them.

    Args:
        campaign: the campaign's name.
        parallel: how many are evaluated at a time.
    """
    store, record = open_store(), join(campaign, parallel)
    refuse_halted(store, campaign)
    await_start(store, record, partial(campaign_estimate, store, record, record.cycles))
    domain = domain_of(record.domain)
    wanted = []
    for name, baseline in wanted_baselines(record).items():
        tags = tuple(tag for tag in ("reference", "quadratic") if getattr(baseline, tag))
        wanted.append(
            create_experiment(
                store,
                f"{campaign}-{name}",
                campaign=campaign,
                kind="baseline",
                name=name,
                seeds=REFERENCE_SEEDS if baseline.reference else (0,),
                tags=tags,
            )
        )
    wanted.sort(key=lambda one: -len(one.seeds))  # the longest first, so that the slots end together
    jobs = [partial(_evaluate, one, domain.baseline_source(one.name)) for one in wanted]
    while get_campaign(store, campaign).panel is None:
        evaluated = in_parallel(jobs, parallel)
        if all(one.objectives for one in evaluated):
            fix_panel(record, evaluated)
        else:
            _wait_for_others(campaign)
    for experiment in wanted:
        with working_on(get_experiment(store, experiment.id)) as token:
            if token is not None:
                within_budget(partial(analyze, experiment.id, token), experiment, token)
    return len(wanted)


def _evaluate(experiment: Experiment, source: str) -> Experiment:
    after = evaluate_source(experiment, source, close=False)
    if after.failure is not None:
        raise BaselineFailed(
            f"The baseline {after.name} failed in {after.failure.stage} ({after.failure.message}): without it nothing "
            f"can be compared; {after.failure.remedy or 'mend the cause'} and start a new campaign."
        )
    return after


def _wait_for_others(campaign: str) -> None:
    require_not_stopped(open_store(), campaign)
    if stop_everything.wait(LOOK_SECONDS):
        raise Stopped


def fix_panel(campaign: Campaign, baselines: list[Experiment]) -> None:
    """Store what fitness is measured against: the reference's value for each seed, and every baseline's mean."""
    reference = next(one for one in baselines if "reference" in one.tags)
    seeds = [reference.stage("benchmark", seed=seed) for seed in reference.seeds]
    trainings = [reference.stage("gpu-train", seed=seed) for seed in reference.seeds]
    panel = {
        "reference": {
            name: [stage.summary["objectives"][name] for stage in seeds if stage] for name in reference.objectives
        },
        "baselines": {one.name: one.objectives for one in baselines},
    }
    seconds = fmean(float(stage.summary["cpu_seconds"]) for stage in trainings if stage)
    set_panel(open_store(), campaign.id, panel, seconds)
