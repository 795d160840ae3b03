"""What a campaign or a verification is going to take, from what was measured here: shown to those who approve it."""

from collections.abc import Sequence

from archdb import (
    KINDS,
    Amounts,
    Campaign,
    Experiment,
    Store,
    campaigns_like,
    exact,
    list_entries,
    next_cycle,
    shown,
    unfinished_cycles,
)
from flows.wanted_baselines import baseline_trainings
from tasks.agents.providers import asking_roles
from tasks.benchmark import most_for_benchmark
from tasks.compile_check import most_for_check
from tasks.gpu_train import most_for_training
from tasks.plan import repetition_plan

COMPARED = 3  # campaigns at most whose accounts are read
NO_MODEL = "it asks no model, so no dollars"
COMPUTE, CALLS = ("cpu_seconds", "gpu_seconds"), ("tokens", "dollars")


def campaign_estimate(store: Store, campaign: Campaign, cycles: int) -> tuple[Amounts, str]:
    """What is left of a campaign until it has so many cycles: the amounts that are known, and all of it in words.

    Args:
        store: where measured trainings are looked up: in this campaign, else in others with the same settings.
        campaign: the campaign.
        cycles: how many it shall have.
    """
    begun = next_cycle(store, campaign.id) - 1
    left = max(0, cycles - begun) + len(unfinished_cycles(store, campaign.id))
    most = left * (1 + campaign.ablations) + _missing_baselines(campaign)
    per_training, per_cycle = _measured(store, campaign)
    amounts = {kind: most * amount for kind, amount in per_training.items()}
    amounts |= {kind: round(left * amount, 2 * (kind == "dollars")) for kind, amount in per_cycle.items()}
    what = f"for {_number_of('cycle', left)}" if left else "for its baselines"
    told = f"{_trains(campaign, most)} {what}: {_compute(campaign, per_training, most)}"
    return amounts, f"{told}; {_calls(campaign, per_cycle, amounts)}."


def given_estimate(store: Store, campaign: Campaign, designs: int, seeds: int = 1) -> tuple[Amounts, str]:
    """What evaluating designs that nobody here has to write takes, on so many seeds each, likewise."""
    most = designs * seeds + _missing_baselines(campaign)
    per_training, _ = _measured(store, campaign)
    what = f"for {_number_of('given design', designs)}" + (f" on {seeds} seeds" if seeds > 1 else "")
    what += " and its baselines" if _missing_baselines(campaign) else ""
    explains = "analyst" in asking_roles(campaign.provider, campaign.domain)
    calls = "its model is asked to explain each, at an unknown price" if explains else NO_MODEL
    told = f"{_trains(campaign, most)} {what}: {_compute(campaign, per_training, most)}; {calls}."
    return {kind: most * amount for kind, amount in per_training.items()}, told


def verification_estimate(
    store: Store, campaign: Campaign, design: Experiment, repeated: Sequence[Experiment]
) -> tuple[Amounts, str]:
    """What testing a design on fresh seeds takes, likewise; ``repeated`` are it and its rival on their seeds."""
    plan = repetition_plan(campaign, repeated)
    trainings = sum(len(one.seeds) for one in repeated)
    bound = sum(one.get("cpu_seconds", 0.0) for one in plan.values())
    per_training, _ = _measured(store, campaign)
    amounts = {kind: trainings * amount for kind, amount in per_training.items()}
    told = f"The verification of {design.id} {design.name} trains {trainings} times: "
    measured = _about(amounts) if amounts else "no training at this scale was measured yet"
    return amounts, f"{told}{measured}, at most {_hours(bound)} CPU-hours; {NO_MODEL}."


def _missing_baselines(campaign: Campaign) -> int:
    """How many trainings its baselines take, until they are done."""
    return 0 if campaign.panel is not None else baseline_trainings(campaign)


def _trains(campaign: Campaign, most: int) -> str:
    return f"Campaign {campaign.id} ({campaign.scale} scale, {campaign.provider}) trains up to {most} times"


def _number_of(thing: str, number: int) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def _asks(campaign: Campaign) -> bool:
    return bool(asking_roles(campaign.provider, campaign.domain))


def _measured(store: Store, campaign: Campaign) -> tuple[dict[str, float], dict[str, float]]:
    """Compute of a training with its check and benchmark, and model calls of a cycle, on average."""
    spent, trainings, asking = dict.fromkeys((*COMPUTE, *CALLS), 0.0), 0, set[str]()
    for one in campaigns_like(store, campaign, COMPARED):
        for entry in list_entries(store, one.id):
            trainings += "/gpu-train:" in entry.operation
            for kind, units in entry.actual.items():
                spent[kind] += units / KINDS[kind].unit
                if kind in CALLS and units:
                    asking.add(entry.operation.partition("/")[0])
    compute = {kind: spent[kind] / trainings for kind in COMPUTE if trainings and spent[kind]}
    return compute, {kind: spent[kind] / len(asking) for kind in CALLS if asking and spent[kind]}


def _compute(campaign: Campaign, per_training: Amounts, most: int) -> str:
    if per_training:
        return _about({kind: most * amount for kind, amount in per_training.items()})
    limits = (most_for_check(campaign), most_for_training(campaign), most_for_benchmark(campaign))
    bound = most * sum(one.get("cpu_seconds", 0.0) for one in limits)
    return f"nothing at this scale was measured yet; the limits allow up to {_hours(bound)} CPU-hours"


def _calls(campaign: Campaign, per_cycle: Amounts, amounts: Amounts) -> str:
    if per_cycle:
        return "model calls of " + _about({kind: amounts[kind] for kind in per_cycle})
    return "what its model calls cost is unknown until a cycle has made some" if _asks(campaign) else NO_MODEL


def _about(amounts: Amounts) -> str:
    units = exact(amounts)
    return "about " + " and ".join(f"{shown(number, kind)} {KINDS[kind].word}" for kind, number in units.items())


def _hours(cpu_seconds: float) -> str:
    return shown(exact({"cpu_seconds": cpu_seconds})["cpu_seconds"], "cpu_seconds")
