"""Does every parameter get a gradient? One that never does is dead weight in an equal-parameter comparison."""

import numpy as np

from evaluation.checks.plan import Judgement, Plan, Results, passed, warned

_NAME = "gradients"


def ask(plan: Plan) -> None:
    """Jittered parameters: behind a zero-initialised gain a parameter has no gradient at first, and may learn later."""
    plan.call(_NAME, plan.draw(2, 97), parameters="jittered", mode="train", gradient=plan.draw(2, 97), wanted="all")


def judge(results: Results) -> Judgement:
    """Parameters that never learn are a warning."""
    start = f"{_NAME}/"
    reached = {name.removeprefix(start) for name, g in results.gradients.items() if name.startswith(start) and g.any()}
    names = results.parameter_names
    idle = [name for name in names if name not in reached]
    if idle:
        size = sum(int(np.size(results.state[f"parameter/{name}"])) for name in idle)
        return warned(
            _NAME,
            f"{len(idle)} of {len(names)} parameters ({size} values) get no gradient: {', '.join(idle[:5])}.",
            "Use every parameter in forward, or remove it.",
            idle=len(idle),
        )
    return passed(_NAME, f"all {len(names)} parameters get a gradient")
