"""Does forward return [B, T, D] in the input's dtype for one and several sequences, even and odd lengths, and T = 1?"""

from collections.abc import Mapping

import numpy as np

from evaluation.arrays import Array
from evaluation.checks.plan import Judgement, Plan, failed, passed

_CASES = ((1, 96), (3, 97), (1, 1), (2, 33))
_NAME = "shapes"


def ask(plan: Plan) -> None:
    """One float32 call per shape."""
    for rows, length in _CASES:
        plan.call(f"shapes/{rows}x{length}", plan.draw(rows, length).astype(np.float32))


def judge(plan: Plan, outputs: Mapping[str, Array]) -> Judgement:
    """Every output of the whole run is judged here, so that the other properties can rely on shapes."""
    for call in plan.calls:
        given, got = plan.inputs[call.name], outputs.get(call.name)
        if got is None:  # optional, or decoding that is not offered
            continue
        if got.shape != given.shape or got.dtype != given.dtype:
            return failed(
                _NAME,
                "wrong_shape",
                f"{call.route} returned {list(got.shape)} {got.dtype} for x {list(given.shape)} {given.dtype}.",
                "Return the input's shape [B, T, D] in the input's dtype, for any T >= 1.",
            )
    return passed(_NAME, f"{len(plan.calls)} outputs have their input's shape and dtype")
