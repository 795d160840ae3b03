"""How far may inputs grow before a layer overflows, and how much does bfloat16 cost it? Warnings only."""

import numpy as np

from evaluation.checks.plan import Judgement, Plan, Results, distance, passed, warned

_NAME = "range"
_SIZES = (100, 1000)
_MOST_ERROR = 0.1  # relative, at bfloat16's 0.4% rounding


def ask(plan: Plan) -> None:
    """Forward and backward on large inputs in float32, and one input in float32 and bfloat16."""
    for size in _SIZES:
        x = size * plan.draw(2, 97).astype(np.float32)
        gradient = plan.draw(2, 97).astype(np.float32)
        plan.call(f"{_NAME}/{size}", x, mode="train", gradient=gradient, wanted="all", optional=True)
    x = plan.draw(2, 97).astype(np.float32)
    plan.call(f"{_NAME}/single", x)
    plan.call(f"{_NAME}/half", x, half=True, optional=True)


def judge(results: Results) -> Judgement:
    """The first fault found is told, smaller inputs first."""
    for size in _SIZES:
        name = f"{_NAME}/{size}"
        arrays = [
            array
            for held in (results.outputs, results.gradients)
            for key, array in held.items()
            if key == name or key.startswith(f"{name}/")
        ]
        if name in results.notes.raised or not all(np.isfinite(array).all() for array in arrays):
            what = results.notes.raised.get(name, "NaN or infinite values")
            return warned(
                _NAME,
                f"inputs {size} times larger than usual give {what}.",
                "Normalise queries and keys, bound decays in log space, and keep exponentials below zero.",
            )
    if f"{_NAME}/half" in results.notes.raised:
        return warned(
            _NAME,
            f"the layer does not run in bfloat16: {results.notes.raised[f'{_NAME}/half']}.",
            "Return the input's dtype, and create new tensors in it.",
        )
    error = distance(results.outputs[f"{_NAME}/single"], results.outputs[f"{_NAME}/half"])
    if not error <= _MOST_ERROR:
        return warned(
            _NAME,
            f"bfloat16 changes the output by {error:.1%} of its largest value.",
            "Compute sums over time, norms and exponentials in float32.",
            bfloat16_error=error if np.isfinite(error) else -1.0,
        )
    evidence = f"finite at {_SIZES[-1]} times larger inputs; bfloat16 changes the output by {error:.1%}"
    return passed(_NAME, evidence, bfloat16_error=error)
