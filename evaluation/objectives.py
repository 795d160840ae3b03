"""What a design is judged by: one number per task of its scale, each measured on data that training never saw."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from evaluation.reports import Report
from evaluation.scales import Plan
from evaluation.scales import scale as read_scale

METHOD = (
    "Every design is matched to the reference's parameter count and sees the same data, optimiser and number of "
    "training tokens. Every value is computed by the supervising process from the logits of held-out inputs."
)  # what all designs have in common, for reports


class Objective(Report):
    """One scored quantity. ``better`` says which direction is an improvement."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]
    task: str  # whose mean loss over its ladder this is
    nats: float = 1.0  # that make one unit
    asks: str = ""  # what the task is, and how long a model has to learn it


def _probe(task: str, title: str, asks: str) -> Objective:
    return Objective(
        name=f"{task}_loss", title=title, unit="nats per scored token", better="lower", task=task, asks=asks
    )


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            name="text_bpb",
            title="Text",
            unit="bits per byte",
            better="lower",
            task="text",
            nats=math.log(2),
            asks="Prose and program text, token by token.",
        ),
        _probe(
            "recall", "In-context recall", "Pairs of a key and a value; where a key comes again, its value must follow."
        ),
        _probe(
            "copy", "Selective copying", "Tokens scattered among filler must be said again in order; several rounds."
        ),
        _probe("mqar", "Multi-query recall", "Pairs first; later each key once more, most soon and some very late."),
        _probe(
            "fuzzy_recall", "Fuzzy recall", "Recall whose keys and values are words of two letters that many share."
        ),
        _probe("noisy_recall", "Noisy recall", "Recall in which half of all tokens are noise between the pairs."),
        _probe(
            "memorisation",
            "Memorisation",
            "Facts that no sequence states: keys of two letters whose values never change.",
        ),
        _probe(
            "compression", "Compression", "A passage, a closing token, then blanks at which it must be said in order."
        ),
        _probe("parity", "Parity", "Bits; at each, whether the ones since the start are even or odd."),
        _probe("s3", "Permutations (S3)", "Permutations of three things; at each, the product of all since the start."),
    )
}


def objectives_of(scale: str) -> Mapping[str, Objective]:
    """The objectives of a scale, by name: those of its tasks. Raises ValueError for an unknown scale."""
    plans = {plan.task: plan for plan in read_scale(scale).tasks}
    return {
        name: one.model_copy(update={"asks": f"{one.asks} {_budget(plans[one.task])}"})
        for name, one in OBJECTIVES.items()
        if one.task in plans
    }


def objectives_from(scale: str, details: Mapping[str, float]) -> dict[str, float]:
    """The objectives that a benchmark's details give: per task the mean over its ladder of the losses in nats.

    Args:
        scale: its name.
        details: TASK_loss of a task without a ladder, TASK_DIFFICULTY_loss of each rung of one.

    Raises:
        ValueError: the scale is unknown, or a loss is missing.
    """
    plans = {plan.task: plan for plan in read_scale(scale).tasks}
    try:
        return {
            name: float(np.mean([details[one] for one in _losses(plans[objective.task])]) / objective.nats)
            for name, objective in OBJECTIVES.items()
            if objective.task in plans
        }
    except KeyError as missing:
        raise ValueError(f"The details lack {missing}, from which scale {scale} takes an objective.") from None


def _losses(plan: Plan) -> list[str]:
    return [f"{plan.task}_{difficulty}_loss" for difficulty in plan.ladder] or [f"{plan.task}_loss"]


def _budget(plan: Plan) -> str:
    """What a model has to learn a task."""
    steps = f"{plan.steps} steps of {plan.batch} sequences of {plan.length} tokens"
    if not plan.ladder:
        return f"{steps}."
    trained, held = (f"{levels[0]} to {levels[-1]}" for levels in (plan.difficulties, plan.ladder))
    return f"{steps}, {trained} items in training and {held} held out."


def sign(objective: str) -> float:
    """-1 where lower is better, +1 where higher is: multiply a change by it to get a gain.

    The objectives of other domains are losses (tasks/domain.py): lower is better.
    """
    known = OBJECTIVES.get(objective)
    return 1.0 if known is not None and known.better == "higher" else -1.0
