"""Files of another contract: do their attention mask and their cache do what the plain forward does? Warnings only."""

import numpy as np

from evaluation.checks.plan import TOLERANCE, Judgement, Plan, Results, distance, passed, warned

_PADDING = (0, 7, 20)  # masked tokens of each row


def ask(plan: Plan) -> None:
    """Padded rows in one batch, on the left and on the right, against each row alone; a cached prefix and its rest."""
    x = plan.draw(len(_PADDING), 61)
    for side in ("left", "right"):
        mask = np.ones(x.shape[:2], dtype=np.int64)
        for row, padding in enumerate(_PADDING):
            mask[row, _padding(side, padding, x.shape[1])] = 0
        plan.call(f"mask/{side}", x, parameters="jittered", route="masked", optional=True, extra={"mask": mask})
        for row, padding in enumerate(_PADDING):
            plan.call(
                f"mask/{side} row {row}", x[row : row + 1, _kept(side, padding, x.shape[1])], parameters="jittered"
            )
    x = plan.draw(2, 61)
    split = np.array(48, dtype=np.int64)
    plan.call("cache", x, parameters="jittered", route="cached", optional=True, extra={"split": split})
    plan.call("cache/whole", x, parameters="jittered")


def _padding(side: str, padding: int, length: int) -> slice:
    return slice(0, padding) if side == "left" else slice(length - padding, length)


def _kept(side: str, padding: int, length: int) -> slice:
    return slice(padding, length) if side == "left" else slice(0, length - padding)


def judge_mask(results: Results) -> Judgement:
    """Outputs at unmasked positions must be those of the sequence alone."""
    worst = 0.0
    for side in ("left", "right"):
        name = f"mask/{side}"
        if name in results.notes.raised:
            return warned(
                "mask", f"attention_mask fails: {results.notes.raised[name]}.", "Use no mask with this layer."
            )
        masked = results.outputs[name]
        for row, padding in enumerate(_PADDING):
            alone = results.outputs[f"mask/{side} row {row}"]
            worst = max(worst, distance(masked[row : row + 1, _kept(side, padding, masked.shape[1])], alone))
    if worst > TOLERANCE:
        return warned(
            "mask",
            f"with attention_mask, sequences leak into each other or into padding: {worst:.1e} (relative).",
            "Train and evaluate this layer on unpadded sequences only.",
            difference=worst,
        )
    return passed("mask", f"masked batches equal sequences alone to {worst:.0e}", difference=worst)


def judge_cache(results: Results) -> Judgement:
    """Cached decoding must give the outputs of one forward pass."""
    if "cache" in results.notes.raised:
        return warned("cache", f"cached decoding fails: {results.notes.raised['cache']}.", "Decode by full passes.")
    size = distance(results.outputs["cache"], results.outputs["cache/whole"])
    if size > TOLERANCE:
        return warned(
            "cache",
            f"cached decoding differs from the full forward by {size:.1e} (relative).",
            "Decode by full passes.",
            difference=size,
        )
    return passed("cache", f"cached decoding equals the full forward to {size:.0e}", difference=size)
