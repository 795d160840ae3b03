"""How does a layer's work grow with T? Exponents of counted work, forward and backward, not of noisy seconds.

The slope of log(count) against log(T) over three doublings of T, for FLOPs, elements written and read, the largest
tensor and lines of Python: FLOPs miss elementwise quadratics, elements written miss a filter as long as T and sums over
all that came before, either misses a T x T tensor that is small beside the rest so far, and all miss loops over plain
numbers. A loop over chunks that reads slices of one tensor with gradients does work that is quadratic in the end: with
chunks of 32 it stays below the limit at these lengths, with chunks of 16 it does not.
"""

import numpy as np

from evaluation.checks.plan import Judgement, Plan, Results, failed, passed, warned

STEEPEST = 1.3
FLATTEST = 0.5
NAME = "complexity"
LENGTHS = (128, 256, 512, 1024)
_COUNTED = ("FLOPs", "elements written", "elements read", "largest tensor", "lines of Python")
_METERS = tuple(f"{meter}, {way}" for way in ("forward", "backward") for meter in _COUNTED)


def ask(plan: Plan) -> None:
    """One metered forward and backward per length."""
    for length in LENGTHS:
        plan.inputs[f"{NAME}/{length}"] = plan.draw(1, length).astype(np.float32)
        plan.metered.append(f"{NAME}/{length}")


def judge(results: Results, quadratic: bool) -> Judgement:
    """``quadratic`` is the harness's word that this baseline is meant to grow with T squared."""
    if results.notes.uncounted:
        return failed(
            NAME,
            "superlinear",
            f"The layer calls operators whose work cannot be counted: {', '.join(results.notes.uncounted[:3])}.",
            "Use torch's own operators and those in kernels.",
        )
    lengths = LENGTHS
    counts = np.array([results.counts[f"{NAME}/{length}"] for length in lengths], dtype=np.float64)  # [length, meter]
    exponents = dict(zip(_METERS, _slopes(np.array(lengths), counts), strict=True))
    per_token = float(counts[-1, 0] / lengths[-1])
    numbers = {name: value for name, value in exponents.items() if value is not None} | {"flops_per_token": per_token}
    present = {name: value for name, value in exponents.items() if value is not None}
    steepest = max(present, key=lambda name: present[name], default="")
    span = f"from T = {lengths[0]} to {lengths[-1]}"
    if steepest and present[steepest] > STEEPEST:
        if quadratic:
            return passed(NAME, f"quadratic by design: T^{present[steepest]:.2f} ({steepest}) {span}", **numbers)
        return failed(
            NAME,
            "superlinear",
            f"The work grows as T^{present[steepest]:.2f} ({steepest}) {span}; at most T^{STEEPEST} is allowed.",
            "Use chunked operations; build no T x T tensor or filter of length T, and no loop that writes or reads "
            "slices of one large tensor with gradients.",
            **numbers,
        )
    tensors = {name: value for name, value in present.items() if not name.startswith(_COUNTED[-1])}
    flattest = min(tensors, key=lambda name: tensors[name], default="")
    if flattest and tensors[flattest] < FLATTEST:
        return warned(
            NAME,
            f"the work hardly grows: T^{tensors[flattest]:.2f} ({flattest}) {span}.",
            "Do the work of the layer on its input, in operators that torch can see.",
            **numbers,
        )
    evidence = f"T^{present[steepest]:.2f} at most ({steepest}) {span}" if steepest else "the layer does no work"
    return passed(NAME, f"{evidence}; {per_token:.0f} FLOPs a token in matrix products", **numbers)


def _slopes(lengths: np.ndarray, counts: np.ndarray) -> list[float | None]:
    """Least-squares slope per meter; None for a meter that counts nothing at every length."""
    t = np.log(lengths) - np.log(lengths).mean()
    slopes: list[float | None] = []
    for column in counts.T:
        y = np.log(np.maximum(column, 1.0))
        slopes.append(float(t @ y / (t @ t)) if column.any() else None)
    return slopes
