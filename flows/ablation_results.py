"""What the ablations of a design have said so far, read from the store."""

from collections.abc import Iterable

from archdb import Experiment, Store, find_experiments, get_report
from evaluation import ComponentEffect
from tasks.asked_ablations import ablations_of
from tasks.effect_in_words import interval


def ablation_results(store: Store, design: Experiment) -> list[tuple[str, Experiment, ComponentEffect | None]]:
    """Of each ablation the component that it lacks, the experiment, and the effect once there is one."""
    asked = ablations_of(design)
    return [(asked[one.id], one, effect_of(store, one)) for one in find_experiments(store, list(asked))]


def effect_of(store: Store, ablation: Experiment) -> ComponentEffect | None:
    """What an ablation has found; None while it is open, or if it has failed."""
    told = ablation.stage("analyze", 0)
    if ablation.kind != "ablation" or told is None or told.report is None:
        return None
    return ComponentEffect.model_validate(get_report(store, told.report)["body"])


def standing(one: Experiment) -> str:
    """How far an ablation is, where it has no effect to show."""
    if one.failure is not None:
        return f"failed in {one.failure.stage}: {one.failure.message}"
    return f"after {one.reached}" if one.reached else "not begun"


def in_words(found: ComponentEffect, names: Iterable[str]) -> list[tuple[str, str]]:
    """Fitness and each objective beside its difference."""
    rows = [("fitness", interval(found.fitness))]
    return rows + [(name, interval(found.objectives[name])) for name in names if name in found.objectives]
