"""The circumstances under which a layer's dependence on its inputs is tested.

Jittered parameters show a leak behind a zero-initialised gain, train mode one in a branch of its own, other lengths one
that starts at a length or sits at multiples of a block, and counters set far ahead one that starts after many calls.
"""

from dataclasses import dataclass

import numpy as np

from evaluation.checks.plan import TOLERANCE, Floats, Mode, Parameters, Plan


@dataclass(frozen=True)
class Variant:
    """One set of circumstances; ``low``..``high`` bounds the length that the parent draws."""

    name: str
    words: str
    low: int
    high: int
    cuts: int
    parameters: Parameters = "jittered"
    mode: Mode = "eval"
    advanced: bool = False
    single: bool = False  # in float32, the type of training; else in float64
    full: bool = False  # in the full tier only

    @property
    def tolerance(self) -> float:
        """Largest relative difference that is rounding."""
        return 1e-4 if self.single else TOLERANCE

    @property
    def label(self) -> str:
        """Prefix of the names of its calls."""
        return f"causality/{self.name}"


VARIANTS = (
    Variant("odd", "T = 97", 97, 97, 5),
    Variant("even", "T = 96", 96, 96, 3),
    Variant("init", "T = 97, initial parameters", 97, 97, 3, parameters="init"),
    Variant("train", "T = 97, train mode", 97, 97, 5, mode="train"),
    Variant("train-even", "T = 96, train mode, initial parameters", 96, 96, 3, parameters="init", mode="train"),
    Variant("short", "a short input", 5, 14, 3),
    Variant("block", "T = 32", 32, 32, 2),
    Variant("late", "T = 97, counters far ahead", 97, 97, 3, advanced=True),
    Variant("single", "T = 97, float32, train mode", 97, 97, 3, mode="train", single=True),
    Variant("long", "a long input", 1030, 1150, 2),
    Variant("long-train", "a long input, train mode", 1030, 1150, 2, mode="train", full=True),
    Variant("longer", "a very long input", 4100, 4300, 2, full=True),
    Variant("block-long", "T = 2048", 2048, 2048, 2, full=True),
    Variant("late-train", "T = 97, train mode, counters far ahead", 97, 97, 3, mode="train", advanced=True, full=True),
)


def of(plan: Plan) -> list[Variant]:
    """The variants of this tier."""
    return [variant for variant in VARIANTS if plan.full or not variant.full]


def draw_cuts(plan: Plan, variant: Variant, length: int) -> list[int]:
    """Places at which past and future are parted: near both ends, at a multiple of 32 where there is one, and drawn."""
    if length > 1000:
        return sorted({length - 1 - int(plan.rng.integers(0, 3)), int(plan.rng.integers(900, 1024))})
    fixed = [length - 1, 1, length // 64 * 64 or length // 2]
    drawn = [int(cut) for cut in plan.rng.permutation(np.arange(2, length - 1))]
    return sorted(set((fixed + drawn)[: variant.cuts]))


def with_new_tail(plan: Plan, x: Floats, cut: int) -> Floats:
    """``x`` with other values from ``cut`` on: larger ones, or smaller if that is most of it, so that maxima move."""
    changed = x.copy()
    size = 5.0 if 2 * cut > x.shape[1] else 0.1
    changed[:, cut:] = size * plan.draw(len(x), x.shape[1] - cut)
    return changed
