"""Does a later call on the same input give the same output? Layers that count their calls drift between evaluations."""

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, passed, warned

_NAME = "repeatable"


def ask(plan: Plan) -> None:
    """One call, and the third call on the same layer, in eval mode."""
    x = plan.draw(1, 96)
    plan.call("repeat/first", x, parameters="jittered")
    plan.call("repeat/third", x, parameters="jittered", repeats=3)


def judge(results: Results) -> Judgement:
    """Drift is a warning here; the test on the trained weights rejects drift that matters."""
    drift = distance(results.outputs["repeat/first"], results.outputs["repeat/third"])
    if drift > TOLERANCE:
        return warned(
            _NAME,
            f"the third call on one input differs from the first by {drift:.1e} relative",
            "Keep no counters or caches between calls, and draw no random numbers in eval mode.",
        )
    return passed(_NAME, f"three calls agree to {drift:.0e}")
