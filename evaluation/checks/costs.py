"""What a design costs beside its score: FLOPs per token of the whole model, and bytes of decoding state per layer.

The layer's work is counted in the child, by the meters that judge its growth; the frame around it is arithmetic. Both
numbers rest on what the child counted, so they are recorded as its claim and decide nothing.
"""

import numpy as np

from evaluation.checks import compilation, complexity, decoding
from evaluation.checks.plan import Plan, Results
from evaluation.reports import Costs
from evaluation.scales.frame import Frame
from evaluation.size import frame_flops_per_token

_NAME = "costs"
_STATE = f"{_NAME}/state"


def ask(plan: Plan, length: int) -> None:
    """One metered pass over ``length`` tokens, unless complexity has it, and one sequence decoded in float32."""
    if length not in complexity.LENGTHS:
        plan.inputs[_metered(length)] = plan.draw(1, length).astype(np.float32)
        plan.metered.append(_metered(length))
    plan.call(_STATE, plan.draw(1, decoding.LENGTH).astype(np.float32), route="step", optional=True)


def count(scale: Frame, results: Results, mlp_hidden: int) -> Costs:
    """The costs of the matched model. The state is absent where the layer offers no decoding, or fails in float32."""
    counts = results.counts[_metered(scale.length)].astype(np.float64)
    forward, backward = counts[0] / scale.length, counts[len(counts) // 2] / scale.length
    frame = frame_flops_per_token(scale, mlp_hidden)
    sizes = results.counts.get(f"{_STATE}/bytes")
    known = sizes is not None and sizes.shape == (decoding.LENGTH,)
    half = decoding.LENGTH // 2
    return Costs(
        length=scale.length,
        flops_per_token=frame + scale.n_layers * forward,
        # The gradient of a product costs two products of its size.
        training_flops_per_token=3 * frame + scale.n_layers * (forward + backward),
        state_bytes_per_layer=int(sizes[-1]) if sizes is not None and known else None,
        state_growth_per_token=(
            float(sizes[-1] - sizes[half]) / (decoding.LENGTH - 1 - half) if sizes is not None and known else None
        ),
        compiles=compilation.compiles(results),
    )


def _metered(length: int) -> str:
    return f"{complexity.NAME if length in complexity.LENGTHS else _NAME}/{length}"
