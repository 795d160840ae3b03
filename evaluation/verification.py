"""Is a screened design a breakthrough? A predicate computed from fresh seeds, and a sealed hold-out for promotion.

A design is a breakthrough if it is above the best sub-quadratic baseline on fresh seeds, never those that screened it,
by a paired test with pooled variance, at the level that online control of false discoveries leaves it. A breakthrough
is promoted to the next scale if it is above that baseline on the hold-out split too, which nobody has seen.
"""

import hashlib
from collections.abc import Mapping, Sequence

from pydantic import FiniteFloat

from evaluation.confirmation import Confirmation, confirm
from evaluation.discovery import next_level
from evaluation.fitness import Panel, fitness
from evaluation.reports import Report

HOLDOUT_LEVEL = 0.05  # one-sided, of a design that is a breakthrough already
_FIRST_FRESH = 1_000_000  # screening seeds are small numbers


class Verification(Report):
    """What one test said. ``promoted`` is None until the hold-out was asked, which only a breakthrough is."""

    version: int = 1
    confirmation: Confirmation  # fitness over the baseline's, one pair a fresh seed
    level: FiniteFloat  # what its p-value was held against
    breakthrough: bool
    holdout: Confirmation | None = None
    promoted: bool | None = None


def fresh_seeds(design: str, count: int) -> tuple[int, ...]:
    """Seeds for the confirmation of the design with this id: always the same, and never those of a screening.

    Raises ValueError for fewer than 2, which have no variance.
    """
    if count < 2:
        raise ValueError(f"{count} seed has no variance: confirm on at least 2.")
    digests = (hashlib.sha256(f"{design} {number}".encode()).digest() for number in range(count))
    return tuple(_FIRST_FRESH + int.from_bytes(digest[:4], "big") // 2 for digest in digests)


def verify(candidate: Sequence[float], baseline: Sequence[float], earlier: Sequence[Verification]) -> Verification:
    """Test fitness values of the same fresh seeds, after all ``earlier`` tests of the campaign in their order.

    Raises ValueError as ``confirm`` does.
    """
    found = confirm(candidate, baseline, [one.confirmation.differences for one in earlier])
    discoveries = [number for number, one in enumerate(earlier, start=1) if one.breakthrough]
    level = next_level(len(earlier) + 1, discoveries)
    return Verification(confirmation=found, level=level, breakthrough=found.p <= level)


def promote(verified: Verification, candidate: Sequence[float], baseline: Sequence[float]) -> Verification:
    """The same with what the hold-out says of the same trained seeds.

    Raises ValueError for a design that is no breakthrough: the hold-out stays sealed for it.
    """
    if not verified.breakthrough:
        raise ValueError("Only a breakthrough is held against the hold-out, which stays sealed for all others.")
    found = confirm(candidate, baseline)
    return verified.model_copy(update={"holdout": found, "promoted": found.p <= HOLDOUT_LEVEL})


def best_baseline(panel: Panel, quadratic: Sequence[str]) -> str:
    """The name of the fittest baseline whose cost is not among the ``quadratic`` ones."""
    values = {
        name: fitness(objectives, panel).value for name, objectives in panel.baselines.items() if name not in quadratic
    }
    return max(values, key=lambda name: values[name])


def fitness_of_seeds(objectives: Sequence[Mapping[str, float]], panel: Panel) -> list[float]:
    """Fitness of each trained seed against a campaign's panel."""
    return [fitness(one, panel).value for one in objectives]
