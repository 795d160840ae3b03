"""Does the layer leave a loss on itself for a trainer to add? Ours does not: all designs learn alike."""

from evaluation.checks.plan import Judgement, Results, passed, warned

_NAME = "auxiliary"


def judge(results: Results) -> Judgement:
    """Such losses are dropped, which a design's author should know."""
    if results.notes.losses:
        return warned(
            _NAME,
            f"a loss is left on {', '.join(results.notes.losses[:3])} and will be dropped.",
            "Remove auxiliary losses: every design is trained on the same objective.",
        )
    return passed(_NAME, "no auxiliary loss is left on the layer")
