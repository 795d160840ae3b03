"""Judging the weights that a training child returned, before anybody loads them into a model."""

from collections.abc import Mapping

import numpy as np

from evaluation.arrays import Array, Malformed
from evaluation.reports import Failure
from evaluation.scales import Scale
from evaluation.size import TOLERANCE, frame_shapes

_ALLOWED = ("float32", "int64", "int32", "uint8", "bool")


def parameters_of(weights: Mapping[str, Array], scale: Scale, mlp_hidden: int) -> int:
    """Elements of one task's model. Raises Malformed unless every task has the frame's arrays and the same mixers.

    Names are ``task.name``. Whatever is not the frame's must belong to a mixer, and all tasks must agree on it.
    """
    frame = frame_shapes(scale, mlp_hidden)
    mixers: list[dict[str, tuple[int, ...]]] = []
    known = 0
    for plan in scale.tasks:
        own = {n.removeprefix(f"{plan.task}."): a for n, a in weights.items() if n.startswith(f"{plan.task}.")}
        known += len(own)
        for name, shape in frame.items():
            if name not in own or own[name].shape != shape or own[name].dtype != np.float32:
                raise Malformed(f"the weights of {plan.task} lack {name!r} with shape {list(shape)} in float32.")
        rest = {name: array.shape for name, array in own.items() if name not in frame}
        stray = next((name for name in rest if ".mixer." not in name), None)
        if stray is not None:
            raise Malformed(f"the weights of {plan.task} hold {stray!r}, which belongs to no mixer.")
        mixers.append(rest)
    if known != len(weights) or any(mixer != mixers[0] for mixer in mixers):
        raise Malformed("the weights of the tasks do not have the same names and shapes.")
    odd = next((name for name, array in weights.items() if array.dtype.name not in _ALLOWED), None)
    if odd is not None:
        raise Malformed(f"the weights hold {odd!r} in {weights[odd].dtype.name}; float32 was expected.")
    return sum(int(array.size) for array in weights.values()) // len(scale.tasks)


def unacceptable(weights: Mapping[str, Array], parameters: int, scale: Scale) -> Failure | None:
    """Non-finite or too many weights."""
    for name, array in weights.items():
        if not np.isfinite(array).all():
            return Failure(
                kind="non_finite",
                message=f"After training the weights {name!r} hold NaN or infinite values.",
                remedy="Bound decays, normalise keys or outputs, or start with smaller weights.",
            )
    if parameters > scale.reference_parameters * (1 + TOLERANCE):
        return Failure(
            kind="too_many_parameters",
            message=f"The trained model has {parameters} parameters, the reference {scale.reference_parameters}.",
            remedy="Use the MLP width that the check reported, and create no parameters outside __init__.",
        )
    return None
