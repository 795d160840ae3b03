"""What a design is: seventeen typed choices, and the one canonical form of every set of choices.

A choice that means nothing beside the others (a fusion without a second branch) takes its neutral value, so that two
designs are equal exactly when the grammar writes the same program for both.
"""

import random
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from math import prod
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from tasks.agents.grammar.slots import SLOTS


class Design(BaseModel):
    """One choice per slot. Defaults are the neutral values; ``canonical`` brings any combination into its one form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_rule: Literal["linear", "delta", "scan"] = "linear"
    decay: Literal["none", "fixed", "per_head", "per_channel", "bounded"] = "none"
    decay_span: Literal["short", "long", "spread"] = "spread"
    feature_map: Literal["identity", "silu", "elu1", "relu2", "softmax"] = "identity"
    key_norm: Literal["none", "l2", "rms"] = "none"
    write_strength: Literal["one", "sigmoid", "double", "tied"] = "one"
    short_conv: Literal["none", "qkv2", "qkv4", "qk4", "v4"] = "none"
    output_gate: Literal["none", "sigmoid", "silu", "head_scalar"] = "none"
    output_norm: Literal["none", "rms", "layer", "l2"] = "none"
    local_branch: Literal["none", "window16", "window32", "conv8"] = "none"
    fusion: Literal["sum", "learned_scalar", "content_gate", "hierarchical", "concat"] = "sum"
    token_shift: Literal["none", "static", "dynamic"] = "none"
    head_temperature: Literal["none", "learned", "content"] = "none"
    value_skip: Literal["none", "per_head", "gated"] = "none"
    position: Literal["none", "rotary"] = "none"
    timescales: Literal["one", "two"] = "one"
    rank: Literal["full", "low"] = "full"

    @property
    def choices(self) -> dict[str, str]:
        """The choice of every slot, in the order of ``SLOTS``."""
        return {slot: getattr(self, slot) for slot in SLOTS}

    @property
    def has_window(self) -> bool:
        """Whether a softmax window runs beside the memory; then even a scan has queries and keys."""
        return self.local_branch.startswith("window")

    @property
    def normalised_read(self) -> bool:
        """Whether a read is divided by what was written where it looks: linear attention with positive features."""
        return self.memory_rule == "linear" and self.feature_map in POSITIVE and self.output_norm == "none"


CHOICES: dict[str, tuple[str, ...]] = {slot: get_args(Design.model_fields[slot].annotation) for slot in SLOTS}
NEUTRAL: dict[str, str] = {slot: Design.model_fields[slot].default for slot in SLOTS}
POSITIVE = ("elu1", "relu2", "softmax")
MOVING = ("per_head", "per_channel", "bounded")  # decays that depend on the token

Chosen = Mapping[str, str]


def _decay(chosen: Chosen) -> dict[str, str]:
    # A scan's only mechanism is its forgetting: without a decay it would be a running sum.
    return {"none": "per_channel"} if chosen["memory_rule"] == "scan" else {}


def _decay_span(chosen: Chosen) -> dict[str, str]:
    return {} if chosen["decay"] != "none" else {"short": "spread", "long": "spread"}


def _feature_map(chosen: Chosen) -> dict[str, str]:
    # A scan's memory has no queries and keys.
    return dict.fromkeys((*POSITIVE, "silu"), "identity") if chosen["memory_rule"] == "scan" else {}


def _key_norm(chosen: Chosen) -> dict[str, str]:
    # With unit keys the delta rule's transition has no eigenvalue outside [-1, 1], whatever the inputs.
    rule = chosen["memory_rule"]
    return {"delta": {"none": "l2", "rms": "l2"}, "scan": {"l2": "none", "rms": "none"}}.get(rule, {})


def _write_strength(chosen: Chosen) -> dict[str, str]:
    rule, decay = chosen["memory_rule"], chosen["decay"]
    if rule == "delta":  # one scalar per head that the token moves: other decays give none to tie it to
        return {} if decay == "per_head" else {"tied": "sigmoid"}
    # Outside the delta rule a constant factor belongs to the value projection: 2 sigmoid adds nothing to sigmoid, and
    # tying to a decay that never moves adds nothing to one.
    untied = {} if decay in MOVING else {"tied": "one"}
    return {"double": "sigmoid"} | untied


def _short_conv(chosen: Chosen) -> dict[str, str]:
    # A scan without a window has only values to convolve.
    if chosen["memory_rule"] == "scan" and not chosen["local_branch"].startswith("window"):
        return {"qkv4": "v4", "qk4": "none"}
    return {}


def _output_norm(chosen: Chosen) -> dict[str, str]:
    # Signed features give no denominator to divide by. Then a linear memory stays in range only if it forgets, and its
    # keys are short or it writes no more than it forgets.
    if chosen["memory_rule"] != "linear" or chosen["feature_map"] in POSITIVE:
        return {}
    bounded = chosen["key_norm"] == "l2" or chosen["write_strength"] == "tied"
    return {} if bounded and chosen["decay"] != "none" else {"none": "rms"}


def _fusion(chosen: Chosen) -> dict[str, str]:
    return {} if chosen["local_branch"] != "none" else dict.fromkeys(CHOICES["fusion"][1:], "sum")


def _head_temperature(chosen: Chosen) -> dict[str, str]:
    # Scaling a query before a homogeneous map only scales the read; it sharpens through the others and in a window.
    sharpens = chosen["memory_rule"] != "scan" and chosen["feature_map"] in ("silu", "elu1", "softmax")
    if sharpens or chosen["local_branch"].startswith("window"):
        return {}
    return {"learned": "none", "content": "none"}


def _position(chosen: Chosen) -> dict[str, str]:
    turns = chosen["memory_rule"] != "scan" or chosen["local_branch"].startswith("window")
    return {} if turns else {"rotary": "none"}


def _timescales(chosen: Chosen) -> dict[str, str]:
    return {} if chosen["decay"] != "none" else {"two": "one"}


def _rank(chosen: Chosen) -> dict[str, str]:
    wide = chosen["decay"] in ("per_channel", "bounded") or chosen["output_gate"] in ("sigmoid", "silu")
    return {} if wide else {"low": "full"}


# Slot -> (the slots it looks at, what a choice becomes where it means nothing). A slot looks only at slots that are
# settled before it, in the order of this table.
RULES: dict[str, tuple[tuple[str, ...], Callable[[Chosen], dict[str, str]]]] = {
    "decay": (("memory_rule",), _decay),
    "decay_span": (("decay",), _decay_span),
    "feature_map": (("memory_rule",), _feature_map),
    "key_norm": (("memory_rule",), _key_norm),
    "write_strength": (("memory_rule", "decay"), _write_strength),
    "short_conv": (("memory_rule", "local_branch"), _short_conv),
    "output_norm": (("memory_rule", "decay", "feature_map", "key_norm", "write_strength"), _output_norm),
    "fusion": (("local_branch",), _fusion),
    "head_temperature": (("memory_rule", "feature_map", "local_branch"), _head_temperature),
    "position": (("memory_rule", "local_branch"), _position),
    "timescales": (("decay",), _timescales),
    "rank": (("decay", "output_gate"), _rank),
}


def allowed(slot: str, chosen: Chosen) -> tuple[str, ...]:
    """The choices of ``slot`` that mean something beside ``chosen``, which must hold the slots that it looks at."""
    if slot not in RULES:
        return CHOICES[slot]
    replaced = RULES[slot][1](chosen)
    return tuple(choice for choice in CHOICES[slot] if choice not in replaced)


def canonical(design: Design) -> Design:
    """The one form of ``design`` in which every choice means something. Idempotent."""
    chosen = design.choices
    for slot, (_, rule) in RULES.items():
        chosen[slot] = rule(chosen).get(chosen[slot], chosen[slot])
    return Design.model_validate(chosen)


@cache
def count() -> int:
    """The exact number of distinct canonical designs.

    Given the slots that others look at, the remaining slots are independent, so their numbers of choices multiply.
    """
    seen = {slot for reads, _ in RULES.values() for slot in reads}
    order = sorted(seen, key=lambda slot: (slot in RULES, list(SLOTS).index(slot)))
    total = 0
    for values in product(*(CHOICES[slot] for slot in order)):
        chosen = dict(zip(order, values, strict=True))
        if all(chosen[slot] in allowed(slot, chosen) for slot in order):
            total += prod(len(allowed(slot, chosen)) for slot in SLOTS if slot not in seen)
    return total


def random_design(rng: random.Random) -> Design:
    """A canonical design: slot by slot, one of the choices that mean something beside those already drawn."""
    chosen: dict[str, str] = {}
    for slot in [*(slot for slot in SLOTS if slot not in RULES), *RULES]:
        chosen[slot] = rng.choice(allowed(slot, chosen))
    return Design.model_validate(chosen)


def changed(design: Design, slot: str, choice: str) -> Design:
    """The canonical design that comes of setting one slot; other slots move only where they lose their meaning."""
    if slot not in SLOTS or choice not in CHOICES[slot]:
        accepted = ", ".join(CHOICES[slot]) if slot in SLOTS else ", ".join(SLOTS)
        raise ValueError(f"The grammar has no {slot}={choice}; accepted here: {accepted}; choose one of these.")
    return canonical(Design.model_validate(design.choices | {slot: choice}))


def moves(design: Design) -> dict[tuple[str, str], Design]:
    """Every single change that takes hold: (slot, choice) -> the canonical design it leads to."""
    start = canonical(design).choices
    found: dict[tuple[str, str], Design] = {}
    for slot, choices in CHOICES.items():
        for choice in choices:
            there = changed(design, slot, choice)
            if choice != start[slot] and getattr(there, slot) == choice:
                found[slot, choice] = there
    return found


def neighbours(design: Design) -> tuple[Design, ...]:
    """All canonical designs one slot away from ``design``, each once, in the order of ``SLOTS``."""
    return tuple(dict.fromkeys(moves(design).values()))
