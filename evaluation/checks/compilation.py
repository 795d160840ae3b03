"""Does torch.compile take the layer whole, and torch.export? Both must compute what the layer computes.

In the full tier, and at scales that ask for it.
"""

import numpy as np

from evaluation.checks.plan import Judgement, Plan, Results, distance, passed, warned

_NAME = "compile"
_TOLERANCE = 1e-3  # float32 sums in another order
_ROUTES = {"compiled": "torch.compile(fullgraph=True)", "exported": "torch.export"}


def ask(plan: Plan) -> None:
    """One float32 input through the plain layer and each of the two."""
    x = plan.draw(2, 128).astype(np.float32)
    plan.call(f"{_NAME}/plain", x)
    plan.call(f"{_NAME}/compiled", x, route="compiled", optional=True)
    plan.call(f"{_NAME}/exported", x, route="exported", optional=True)


def compiles(results: Results) -> bool | None:
    """Whether torch.compile took the layer whole and computed the same; None if it was not asked."""
    name = f"{_NAME}/compiled"
    if name in results.outputs:
        return distance(results.outputs[f"{_NAME}/plain"], results.outputs[name]) <= _TOLERANCE
    return False if name in results.notes.raised else None


def judge(results: Results) -> Judgement:
    """Failure to compile is a warning: it costs speed, not correctness."""
    plain = results.outputs[f"{_NAME}/plain"]
    for route, words in _ROUTES.items():
        name = f"{_NAME}/{route}"
        if name in results.notes.raised:
            return warned(
                _NAME,
                f"{words} fails: {results.notes.raised[name]}.",
                "Avoid control flow that depends on values, and attributes that change in forward.",
            )
        size = distance(plain, results.outputs[name])
        if not size <= _TOLERANCE:
            return warned(_NAME, f"{words} changes the output by {size:.1e} (relative).", "Compute the same each call.")
    return passed(_NAME, " and ".join(_ROUTES.values()) + " take the layer and compute the same")
