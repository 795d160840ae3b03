"""A campaign's tests on fresh seeds, objective by objective: against the baseline of the test, and the reference."""

from collections.abc import Mapping, Sequence

from pydantic import FiniteFloat

from archdb import Campaign, Experiment, Store, Verified, find_experiments, list_verified
from archdb.records import Record
from evaluation import Panel, Verification, confirm, sign, smallest_found
from tasks.domain import domain_of
from tasks.rivals import repetitions_of


class Margin(Record):
    """A mean difference with its two-sided 95% interval, turned so that positive is better, in the objective's unit."""

    difference: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat


class TestedObjective(Record):
    """One objective of a tested design."""

    name: str
    title: str
    unit: str
    value: FiniteFloat  # of the design, the mean over the fresh seeds
    over_baseline: Margin  # paired by seed
    over_reference: Margin  # whose seeds are others


class Tested(Record):
    """One design's test on fresh seeds."""

    experiment: str
    name: str
    number: int  # of the test in its campaign
    baseline: str
    seeds: int
    fitness: Margin  # over the baseline, paired by seed, the variance pooled over the campaign's tests
    over_reference: Margin  # the mean of the objectives' gains, each in units of the reference's standard deviation
    p: FiniteFloat
    level: FiniteFloat
    smallest_found: FiniteFloat  # the true gain in fitness that such a test finds four times in five
    breakthrough: bool
    promoted: bool | None
    objectives: tuple[TestedObjective, ...]


def confirmations_of(store: Store, campaign: Campaign) -> tuple[Tested, ...]:
    """All tests of a campaign, in their order; intervals of single objectives are not corrected for their number."""
    return tuple(_tested(store, campaign, one) for one in list_verified(store, campaign.id))


def _tested(store: Store, campaign: Campaign, one: Verified) -> Tested:
    found = Verification.model_validate(one.result)
    confirmation = found.confirmation
    pair = repetitions_of(one.experiment, one.baseline)
    by_id = {each.id: each for each in find_experiments(store, (one.experiment, *pair))}
    ours, theirs = (_values(by_id[name]) for name in pair)
    domain, panel = domain_of(campaign.domain), Panel.model_validate(campaign.panel)
    beside = domain.compare(ours, panel.reference)
    objectives = []
    for name, objective in domain.objectives_of(campaign.scale).items():
        mine, other = ([sign(name) * value for value in side[name]] for side in (ours, theirs))
        paired, apart = confirm(mine, other), beside.objectives[name]
        ends = sorted((sign(name) * apart.low, sign(name) * apart.high))
        objectives.append(
            TestedObjective(
                name=name,
                title=objective.title,
                unit=objective.unit,
                value=sum(ours[name]) / len(ours[name]),
                over_baseline=Margin(difference=paired.difference, low=paired.low, high=paired.high),
                over_reference=Margin(difference=sign(name) * apart.difference, low=ends[0], high=ends[1]),
            )
        )
    mean = beside.mean_gain
    return Tested(
        experiment=one.experiment,
        name=by_id[one.experiment].name,
        number=one.number,
        baseline=one.baseline,
        seeds=len(confirmation.differences),
        fitness=Margin(difference=confirmation.difference, low=confirmation.low, high=confirmation.high),
        over_reference=Margin(difference=mean.difference, low=mean.low, high=mean.high),
        p=confirmation.p,
        level=found.level,
        smallest_found=smallest_found(
            confirmation.deviation, confirmation.degrees, len(confirmation.differences), found.level
        ),
        breakthrough=found.breakthrough,
        promoted=found.promoted,
        objectives=tuple(objectives),
    )


def _values(repeated: Experiment) -> Mapping[str, Sequence[float]]:
    """Each objective's values over the seeds, in the order of the seeds."""
    stages = [repeated.stage("benchmark", seed=seed) for seed in repeated.seeds]
    rows = [one.summary["objectives"] for one in stages if one is not None]
    return {name: [float(row[name]) for row in rows] for name in rows[0]}
