"""What a design is called: a short name that says what it is, and one sentence that says it in full."""

import hashlib

from tasks.agents.grammar.space import Design, canonical

DECAYS = {"none": "", "fixed": "Retentive", "per_head": "Gated", "per_channel": "Channel", "bounded": "Bounded"}
RULES = {"linear": "Linear", "delta": "Delta", "scan": "Scan"}
FUSIONS = {"sum": "", "learned_scalar": "", "content_gate": "Router", "hierarchical": "Paths", "concat": "Twin"}


def digest_of(design: Design) -> str:
    """SHA-256 of the canonical design, in hexadecimal: equal exactly for designs that compose into the same program."""
    choices = canonical(design).choices
    return hashlib.sha256("\n".join(f"{slot}={choice}" for slot, choice in choices.items()).encode()).hexdigest()


def name_of(design: Design) -> str:
    """For example GatedDeltaWindow-3f2a1c: the main mechanisms, then the start of the design's digest."""
    design = canonical(design)
    words = (
        "TwoSpeed" if design.timescales == "two" else "",
        DECAYS[design.decay],
        RULES[design.memory_rule],
        "Window" if design.has_window else "Conv" if design.local_branch == "conv8" else "",
        FUSIONS[design.fusion],
    )
    return "".join(words) + "-" + digest_of(design)[:6]


def sentence_of(design: Design) -> str:
    """One plain sentence about the memory, its forgetting and what stands beside it."""
    design = canonical(design)
    rule = {"linear": "A linear memory", "delta": "A delta-rule memory", "scan": "A gated scan"}[design.memory_rule]
    forgetting = {
        "none": "that never forgets",
        "fixed": "with a constant decay per head",
        "per_head": "with a decay per head from the token",
        "per_channel": "with a decay per channel from the token",
        "bounded": "with a decay per channel that stays above a learnt floor",
    }[design.decay]
    speeds = ", at two speeds" if design.timescales == "two" else ""
    if design.local_branch == "none":
        return f"{rule} {forgetting}{speeds}."
    local = "a convolution of the values over 8 tokens"
    if design.has_window:
        local = f"softmax attention over the last {design.local_branch.removeprefix('window')} tokens"
    joined = {
        "sum": "added to it",
        "learned_scalar": "mixed in by a learnt share per head",
        "content_gate": "weighed against it by a router",
        "hierarchical": "joined by two levels of gates",
        "concat": "set side by side with it",
    }[design.fusion]
    return f"{rule} {forgetting}{speeds}, and {local} {joined}."
