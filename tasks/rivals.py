"""Whom a campaign's designs are tested against, and what the trainings of such a test on fresh seeds are called."""

from collections.abc import Iterable

from archdb import Outline
from evaluation import Panel, best_baseline

REPEATED = "-verify"  # between a design's id and what is trained for its test; in no baseline's name


def rival_of(panel: Panel, designs: Iterable[Outline]) -> str:
    """The name of the best baseline of a campaign, of those that are not quadratic. ``designs``: any of it, all of its
    baselines among them.
    """
    quadratic = [one.name for one in designs if one.kind == "baseline" and "quadratic" in one.tags]
    return str(best_baseline(panel, quadratic))


def repetitions_of(design: str, baseline: str) -> tuple[str, str]:
    """The ids under which a design, given by its id, and a baseline, by its name, are trained on fresh seeds."""
    return f"{design}{REPEATED}", f"{design}{REPEATED}-{baseline}"


def repeated_design(training: str) -> str:
    """The id of the design for whose test something was trained under this id, as :func:`repetitions_of` names it."""
    return training.rpartition(REPEATED)[0]
