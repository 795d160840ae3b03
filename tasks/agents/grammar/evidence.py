"""How evidence becomes preference: papers, findings, and what each choice has gained so far.

It steers proposals, and is no claim.
"""

import math
from collections.abc import Sequence

from archdb import FITNESS
from archdb.cognition import Hit
from tasks.agents.grammar.ancestors import design_of
from tasks.agents.grammar.space import CHOICES
from tasks.agents.protocols import CertainEffect, ComponentGain, Peer

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


def told_effect(one: CertainEffect) -> str:
    """A certain effect as a sentence."""
    beyond = " beyond each alone" if len(one.choices) > 1 else ""
    return (
        f"Over all siblings, {' with '.join(one.choices)} is worth {one.effect:+.2f} in {one.objective}{beyond} (95% "
        f"interval {one.low:+.2f} to {one.high:+.2f})."
    )


def preferences(
    hits: Sequence[Hit],
    gains: Sequence[ComponentGain],
    effects: Sequence[CertainEffect] = (),
    has: frozenset[str] = frozenset(),
    weakness: str = "",
) -> dict[str, float]:
    """A positive weight per choice: papers that were found raise theirs, findings and gains tilt either way.

    So do certain effects: of a single choice on the objective that is weakest, which gains do not tell of, and of a
    pair on it or on fitness, where the design that is changed has the one half. What the grammar has no words for is
    left out.

    Args:
        hits: what was found.
        gains: of single choices, on fitness.
        effects: that are certain.
        has: the choices of the design that is changed.
        weakness: the objective on which that design is furthest behind.
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
    for effect in effects:
        missing = [one for one in effect.choices if one not in has]
        single, on_weakness = len(effect.choices) == 1, effect.objective == weakness
        half = not single and len(missing) == 1 and (on_weakness or effect.objective == FITNESS)
        if (half or (single and on_weakness and missing)) and missing[0] in _WORDS:
            weights[missing[0]] *= math.exp(max(-MOST_TILT, min(MOST_TILT, effect.effect)))
    return weights
