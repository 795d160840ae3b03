"""Are outputs and gradients finite, also on inputs ten times larger? And does every parameter get a gradient?"""

import numpy as np

from evaluation.checks.plan import Judgement, Plan, Results, failed, passed, warned
from evaluation.reports import Failure

_SIZES = (1, 10)


def ask(plan: Plan) -> None:
    """Forward and backward in float32, train mode, at two input sizes."""
    for size in _SIZES:
        x = plan.draw(2, 97).astype(np.float32) * np.float32(size)
        plan.call(f"finite/{size}", x, mode="train", gradient=plan.draw(2, 97).astype(np.float32))


def judge(results: Results) -> Judgement:
    """Every array that came back must be finite."""
    for kind, arrays in (("output", results.outputs), ("gradient", results.gradients)):
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                bad = float(1 - np.isfinite(array).mean())
                return failed(
                    "finite",
                    Failure(
                        kind="non_finite",
                        message=f"The {kind} {name!r} is NaN or infinite in {bad:.1%} of its values.",
                        remedy="Guard divisions, logarithms and exponentials; bound decays; normalise keys.",
                    ),
                )
    return passed("finite", f"{len(results.outputs)} outputs and {len(results.gradients)} gradients are finite")


def judge_gradients(results: Results) -> Judgement:
    """Parameters that never learn are a warning."""
    reached = {name.split("/", 2)[2] for name, gradient in results.gradients.items() if np.any(gradient)}
    idle = [name for name in results.parameter_names if name not in reached]
    if idle:
        return warned(
            "gradients",
            f"{len(idle)} of {len(results.parameter_names)} parameters get no gradient: {', '.join(idle[:5])}",
            "Use every parameter in forward, or remove it.",
        )
    return passed("gradients", f"all {len(results.parameter_names)} parameters get a gradient")
