"""How evidence becomes preference: papers, findings, and what each choice has gained so far.

It steers proposals, and is no claim.
"""

import math
from collections.abc import Sequence

from archdb.cognition import Hit
from tasks.agents.grammar.ancestors import design_of
from tasks.agents.grammar.space import CHOICES
from tasks.agents.protocols import ComponentGain, Peer

PRIOR_FAMILIES = 2.0
MOST_TILT = 1.5  # the largest exponent that one piece of evidence may give to a preference
_WORDS = frozenset(f"{slot}={choice}" for slot, choices in CHOICES.items() for choice in choices)


def choices_of(peer: Peer) -> set[str]:
    """The "slot=choice" pairs of an experiment; empty where the grammar has no words for it."""
    design = design_of(peer)
    return {f"{slot}={choice}" for slot, choice in design.choices.items()} if design else set()


def shrunk(one: ComponentGain) -> float:
    """The gain of a choice, drawn towards zero as if PRIOR_FAMILIES had shown none."""
    return one.gain * one.families / (one.families + PRIOR_FAMILIES)


def told(one: ComponentGain) -> str:
    """The gain as a sentence."""
    sure = "" if one.low is None or one.high is None else f" (95% interval {one.low:+.2f} to {one.high:+.2f})"
    designs, parents = len(one.steps), one.families
    return (
        f"Taking up {one.choice} is worth {one.gain:+.2f} in fitness{sure}: {designs} design{'s' * (designs != 1)} of "
        f"{parents} parent{'s' * (parents != 1)} took it up or gave it up."
    )


def preferences(hits: Sequence[Hit], gains: Sequence[ComponentGain]) -> dict[str, float]:
    """A positive weight per choice: papers that were found raise theirs, findings and gains tilt either way.

    What the grammar has no words for is left out.
    """
    weights = dict.fromkeys(_WORDS, 1.0)
    for rank, hit in enumerate(hits):
        if hit.kind == "paper":
            factor = 1.0 + 2.0 / (rank + 1)
        else:
            factor = math.exp(max(-MOST_TILT, min(MOST_TILT, hit.effect)) / (rank + 1) ** 0.5)
        for choice in _WORDS.intersection(hit.components):
            weights[choice] *= factor
    for gain in gains:
        if gain.choice in _WORDS:
            weights[gain.choice] *= math.exp(max(-MOST_TILT, min(MOST_TILT, shrunk(gain))))
    return weights
