"""Where a layer offers init_state and step: does decoding token by token equal forward, in constant memory?"""

import numpy as np

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, failed, passed

_NAME = "decoding"
_ROWS, LENGTH, _LONGER = 2, 135, 1100


def ask(plan: Plan) -> None:
    """The same input through both; the child skips the call if the layer offers no decoding."""
    x = plan.draw(_ROWS, _LONGER if plan.full else LENGTH)
    plan.call(f"{_NAME}/forward", x, parameters="jittered")
    plan.call(f"{_NAME}/step", x, parameters="jittered", route="step")


def judge(results: Results, quadratic: bool) -> Judgement:
    """Outputs must agree, and the state's bytes must stay the same over the second half of the steps.

    ``quadratic`` is the harness's word that this baseline is meant to keep all keys and values.
    """
    if not results.notes.decoding:
        return passed(_NAME, "not offered: no init_state and step")
    length = results.outputs[f"{_NAME}/forward"].shape[1]
    size = distance(results.outputs[f"{_NAME}/forward"], results.outputs[f"{_NAME}/step"])
    if size > TOLERANCE:
        return failed(
            _NAME,
            "wrong_step",
            f"Decoding with step differs from forward by {size:.1e} (relative) over {length} tokens.",
            "Make step the same recurrence as forward, from init_state on, or leave both out.",
            difference=size,
        )
    sizes = results.counts[f"{_NAME}/step/bytes"] // _ROWS
    if len(np.unique(sizes[len(sizes) // 2 :])) > 1 and not quadratic:
        return failed(
            _NAME,
            "wrong_step",
            f"The decoding state grows with the number of tokens, to {sizes[-1]} bytes after {length}.",
            "Keep a state of constant size: step exists for decoding in constant memory.",
            state_bytes=int(sizes[-1]),
        )
    evidence = f"step equals forward to {size:.0e}; {sizes[-1]} bytes of state a sequence in float64"
    return passed(_NAME, evidence, difference=size, state_bytes=int(sizes[-1]))
