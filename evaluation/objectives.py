"""What a design is judged by: one number per task, each measured on data that training never saw."""

from typing import Literal

from evaluation.reports import Report


class Objective(Report):
    """One scored quantity. ``better`` says which direction is an improvement."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(name="text_bpb", title="Text", unit="bits per byte", better="lower"),
        Objective(name="recall_loss", title="In-context recall", unit="nats per scored token", better="lower"),
        Objective(name="copy_loss", title="Selective copying", unit="nats per scored token", better="lower"),
    )
}


def sign(objective: str) -> float:
    """-1 where lower is better, +1 where higher is: multiply a change by it to get a gain."""
    if objective not in OBJECTIVES:
        raise ValueError(f"Unknown objective {objective!r}; choose one of {', '.join(OBJECTIVES)}.")
    return -1.0 if OBJECTIVES[objective].better == "lower" else 1.0
