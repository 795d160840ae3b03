"""Does a sequence's output depend on the others in its batch, or on the batch before?

Asked before causality: a scan over the batch looks acausal too. In train mode as well, where batch statistics live.
"""

import numpy as np

from evaluation.checks.plan import TOLERANCE, Judgement, Mode, Plan, Results, distance, failed, passed

_NAME = "batch"
_MANY = 33  # more than any batch of training or scoring at the small scales
_MODES: tuple[Mode, ...] = ("eval", "train")


def ask(plan: Plan) -> None:
    """Three sequences together; the others replaced, dropped, in another order; and after two different batches."""
    x = plan.draw(3, 97)
    others = plan.draw(3, 97) * 3.0
    others[1] = x[1]
    for mode in _MODES:
        plan.call(f"batch/{mode}/together", x, parameters="jittered", mode=mode, seed=1)
        plan.call(f"batch/{mode}/replaced", others, parameters="jittered", mode=mode, seed=1)
        for which in ("one", "another"):
            earlier = {"earlier": plan.draw(3, 97)}
            plan.call(f"batch/{mode}/after {which}", x, parameters="jittered", mode=mode, seed=1, before=earlier)
        many = plan.draw(_MANY, 9)
        rest = np.concatenate([many[:1], plan.draw(_MANY - 1, 9)])
        plan.call(f"batch/{mode}/many", many, parameters="jittered", mode=mode, seed=1)
        plan.call(f"batch/{mode}/many replaced", rest, parameters="jittered", mode=mode, seed=1)
    plan.call("batch/eval/alone", x[1:2], parameters="jittered", seed=1)
    plan.call("batch/eval/permuted", x[[2, 0, 1]], parameters="jittered", seed=1)
    plan.call("batch/eval/reseeded", x, parameters="jittered", seed=2)


def judge(results: Results) -> Judgement:
    """Each comparison must agree; a layer that draws random numbers in eval mode is compared at equal shapes only."""
    out = results.outputs
    worst = 0.0
    comparisons = []
    for mode in _MODES:
        together, replaced = out[f"batch/{mode}/together"], out[f"batch/{mode}/replaced"]
        comparisons.append((f"the rest of its batch ({mode} mode)", distance(together[1], replaced[1])))
        many, rest = out[f"batch/{mode}/many"], out[f"batch/{mode}/many replaced"]
        comparisons.append((f"the rest of a batch of {_MANY} ({mode} mode)", distance(many[0], rest[0])))
        carried = distance(out[f"batch/{mode}/after one"], out[f"batch/{mode}/after another"])
        comparisons.append((f"the batch that the layer ran on before ({mode} mode)", carried))
    together = out["batch/eval/together"]
    if distance(together, out["batch/eval/reseeded"]) <= TOLERANCE:
        comparisons.append(("the size of its batch", distance(together[1:2], out["batch/eval/alone"])))
        comparisons.append(("its place in the batch", distance(together[[2, 0, 1]], out["batch/eval/permuted"])))
    for what, size in comparisons:
        if size > TOLERANCE:
            return failed(
                _NAME,
                "mixes_samples",
                f"The output of a sequence changes with {what}, by {size:.1e} (relative).",
                "Never reduce, normalise, shift or scan over the batch dimension, and carry no state between calls.",
                worst=size,
            )
        worst = max(worst, size)
    return passed(_NAME, f"sequences are independent to {worst:.0e}", worst=worst)
