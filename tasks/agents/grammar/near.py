"""The nearest design that may pass where one was rejected: what the grammar's Engineer does instead of editing code."""

from tasks.agents.grammar.evolve import difference
from tasks.agents.grammar.space import Design, canonical, changed

Step = tuple[str, str, str]  # (slot, the choice that is suspected, what to take instead)

SMALLER: tuple[Step, ...] = (
    ("rank", "full", "low"),
    ("fusion", "concat", "learned_scalar"),
    ("token_shift", "dynamic", "static"),
    ("decay", "bounded", "per_head"),
    ("decay", "per_channel", "per_head"),
    ("output_gate", "silu", "head_scalar"),
    ("output_gate", "sigmoid", "head_scalar"),
    ("fusion", "content_gate", "learned_scalar"),
    ("fusion", "hierarchical", "learned_scalar"),
    ("token_shift", "static", "none"),
    ("short_conv", "qkv4", "qkv2"),
    ("short_conv", "qkv2", "none"),
)
CALMER: tuple[Step, ...] = (
    ("feature_map", "relu2", "silu"),
    ("key_norm", "none", "l2"),
    ("key_norm", "rms", "l2"),
    ("write_strength", "double", "sigmoid"),
    ("output_norm", "none", "rms"),
    ("output_norm", "l2", "rms"),
    ("write_strength", "one", "sigmoid"),
    ("decay", "none", "per_head"),
    ("head_temperature", "content", "none"),
    ("head_temperature", "learned", "none"),
    ("output_gate", "silu", "sigmoid"),
)
LIGHTER: tuple[Step, ...] = (
    ("timescales", "two", "one"),
    ("token_shift", "dynamic", "static"),
    ("local_branch", "window32", "window16"),
    ("local_branch", "window16", "conv8"),
    ("decay", "bounded", "per_channel"),
    ("decay", "per_channel", "per_head"),
    ("local_branch", "conv8", "none"),
    ("memory_rule", "delta", "linear"),
)
REMEDIES: dict[str, tuple[Step, ...]] = {
    "too_many_parameters": SMALLER,
    "non_finite": CALMER,
    "too_slow": LIGHTER,
    "timed_out": LIGHTER,
    "out_of_memory": LIGHTER,
}


def repair(design: Design, complaint_kind: str, parent: Design | None) -> Design | None:
    """The next design to try after ``design`` was rejected, or None when nothing is left to try.

    complaint_kind is one of ``evaluation.reports.FailureKind``. Kinds with a known cause take its remedies in order;
    then, as for every other kind, one change is undone towards ``parent``, but never one that a remedy made.
    Deterministic; never returns ``design``; repeated calls end.
    """
    design, parent = canonical(design), parent and canonical(parent)
    steps = REMEDIES.get(complaint_kind, ())
    eased = _eased(design, steps)
    if eased is not None or parent is None:
        return eased
    apart = difference(design, parent)
    for slot, (_, before) in apart.items():
        nearer = changed(design, slot, before)
        if len(difference(nearer, parent)) < len(apart) and _eased(nearer, steps) is None:
            return nearer
    return parent if apart and _eased(parent, steps) is None else None


def _eased(design: Design, steps: tuple[Step, ...]) -> Design | None:
    for slot, suspected, instead in steps:
        if getattr(design, slot) == suspected:
            there = changed(design, slot, instead)
            if getattr(there, slot) == instead:
                return there
    return None
