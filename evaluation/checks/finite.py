"""Are outputs and gradients finite: on usual inputs, ten times larger ones, zeros, and inputs without any variance?"""

import numpy as np

from evaluation.checks.plan import Judgement, Plan, Results, failed, passed

_NAME = "finite"


def ask(plan: Plan) -> None:
    """Forward and backward in float32, train mode."""
    x = plan.draw(2, 97).astype(np.float32)
    step = np.broadcast_to(plan.draw(2, 1), x.shape).astype(np.float32)  # the same input at every step
    cases = {"usual": x, "ten times larger": 10 * x, "zero": 0 * x, "one": 0 * x + 1, "constant": step}
    for name, given in cases.items():
        plan.call(f"finite/{name}", given, mode="train", gradient=plan.draw(2, 97).astype(np.float32), wanted="all")


def judge(results: Results) -> Judgement:
    """Every array that had to come back must be finite."""
    required = {call.name for call in results.plan.calls if not call.optional}
    for kind, arrays in (("output", results.outputs), ("gradient", results.gradients)):
        for name, array in arrays.items():
            if not np.isfinite(array).all() and not _of_optional(name, results.plan, required):
                bad = float(1 - np.isfinite(array).mean())
                return failed(
                    _NAME,
                    "non_finite",
                    f"The {kind} {name!r} is NaN or infinite in {bad:.1%} of its values.",
                    "Guard divisions, logarithms and exponentials; bound decays; normalise keys.",
                )
    return passed(_NAME, f"{len(results.outputs)} outputs and {len(results.gradients)} gradients are finite")


def _of_optional(name: str, plan: Plan, required: set[str]) -> bool:
    owner = max((call.name for call in plan.calls if f"{name}/".startswith(f"{call.name}/")), key=len, default="")
    return owner not in required
