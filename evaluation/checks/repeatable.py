"""Does a later call on the same input give the same output? Counters, caches and randomness let evaluations drift."""

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, passed, warned

_NAME = "repeatable"


def ask(plan: Plan) -> None:
    """A first call, a third, one with counters far ahead, and one with another random seed: eval mode, one layer."""
    x = plan.draw(1, 96)
    plan.call("repeat/first", x, parameters="jittered")
    plan.call("repeat/third", x, parameters="jittered", before={"earlier": x, "later": x})
    plan.call("repeat/far ahead", x, parameters="jittered", advanced=True)
    plan.call("repeat/reseeded", x, parameters="jittered", seed=1)


def judge(results: Results) -> Judgement:
    """Drift is a warning here; the test on the trained weights rejects drift that matters."""
    first = results.outputs["repeat/first"]
    third, ahead, reseeded = (
        distance(first, results.outputs[f"repeat/{which}"]) for which in ("third", "far ahead", "reseeded")
    )
    if reseeded > TOLERANCE:
        return warned(
            _NAME,
            f"eval mode draws random numbers: two seeds differ by {reseeded:.1e} (relative).",
            "Draw random numbers in train mode only.",
            drift=reseeded,
        )
    if max(third, ahead) > TOLERANCE:
        return warned(
            _NAME,
            f"the output drifts from call to call: by {third:.1e} at the third call, {ahead:.1e} after very many.",
            "Keep no counters or caches between calls.",
            drift=max(third, ahead),
        )
    return passed(_NAME, f"calls agree to {max(third, ahead):.0e}", drift=max(third, ahead))
