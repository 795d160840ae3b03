"""What a design is judged by: one number per task of its scale, each measured on data that training never saw."""

import math
from collections.abc import Mapping
from typing import Literal

from evaluation.reports import Report
from evaluation.scales import scale as read_scale


class Objective(Report):
    """One scored quantity. ``better`` says which direction is an improvement."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]
    task: str  # whose mean loss over its ladder this is
    nats: float = 1.0  # that make one unit


def _probe(task: str, title: str) -> Objective:
    return Objective(name=f"{task}_loss", title=title, unit="nats per scored token", better="lower", task=task)


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(name="text_bpb", title="Text", unit="bits per byte", better="lower", task="text", nats=math.log(2)),
        _probe("recall", "In-context recall"),
        _probe("copy", "Selective copying"),
        _probe("mqar", "Multi-query recall"),
        _probe("fuzzy_recall", "Fuzzy recall"),
        _probe("noisy_recall", "Noisy recall"),
        _probe("memorisation", "Memorisation"),
        _probe("compression", "Compression"),
        _probe("parity", "Parity"),
        _probe("s3", "Permutations (S3)"),
    )
}


def objectives_of(scale: str) -> Mapping[str, Objective]:
    """The objectives of a scale, by name: those of its tasks. Raises ValueError for an unknown scale."""
    tasks = {plan.task for plan in read_scale(scale).tasks}
    return {name: objective for name, objective in OBJECTIVES.items() if objective.task in tasks}


def sign(objective: str) -> float:
    """-1 where lower is better, +1 where higher is: multiply a change by it to get a gain."""
    if objective not in OBJECTIVES:
        raise ValueError(f"Unknown objective {objective!r}; choose one of {', '.join(OBJECTIVES)}.")
    return -1.0 if OBJECTIVES[objective].better == "lower" else 1.0
