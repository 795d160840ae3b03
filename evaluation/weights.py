"""Judging the weights that a training child returned, before anybody loads them into a model."""

import re
from collections.abc import Mapping

import numpy as np

from evaluation.arrays import Array, Malformed
from evaluation.reports import Failure
from evaluation.scales.frame import Frame
from evaluation.size import TOLERANCE, frame_shapes

_ALLOWED = ("float32", "int64", "int32", "uint8", "bool")
# What is not a number in an array is no place for knowledge either: names are few and short, and an integer holds no
# more than a float32 does.
_MIXER = re.compile(r"layers\.\d+\.mixer\.[\w.]+\Z", re.ASCII)
_MOST_NAMES = 8_000  # characters of all names of one layer's mixer
_MOST_INTEGER = 2**31


def parameters_of(weights: Mapping[str, Array], scale: Frame, mlp_hidden: int) -> int:
    """Elements of one task's model. Raises Malformed unless every task has the frame's arrays and the same mixers.

    Names are ``task.name``. Whatever is not the frame's must belong to a mixer, and all tasks must agree on it.
    """
    frame = frame_shapes(scale, mlp_hidden)
    mixers: list[dict[str, tuple[int, ...]]] = []
    known = 0
    for task in scale.models:
        own = {n.removeprefix(f"{task}."): a for n, a in weights.items() if n.startswith(f"{task}.")}
        known += len(own)
        for name, shape in frame.items():
            if name not in own or own[name].shape != shape or own[name].dtype != np.float32:
                raise Malformed(f"the weights of {task} lack {name!r} with shape {list(shape)} in float32.")
        rest = {name: array.shape for name, array in own.items() if name not in frame}
        stray = next((name for name in rest if not _MIXER.match(name)), None)
        if stray is not None:
            raise Malformed(f"the weights of {task} hold {stray[:80]!r}, which belongs to no mixer.")
        if sum(map(len, rest)) > _MOST_NAMES * scale.n_layers:
            raise Malformed(f"the names of the weights of {task} are longer than {_MOST_NAMES} characters a layer.")
        mixers.append(rest)
    if known != len(weights) or any(mixer != mixers[0] for mixer in mixers):
        raise Malformed("the weights of the tasks do not have the same names and shapes.")
    for name, array in weights.items():
        if array.dtype.name not in _ALLOWED:
            raise Malformed(f"the weights hold {name!r} in {array.dtype.name}; float32 was expected.")
        if not array.size:
            raise Malformed(f"the weights hold {name!r} with no element.")
        if array.dtype.name == "int64" and (array.max() >= _MOST_INTEGER or array.min() < -_MOST_INTEGER):
            raise Malformed(f"the weights hold {name!r} with integers of more than 32 bits.")
    return sum(int(array.size) for array in weights.values()) // len(scale.models)


def unacceptable(weights: Mapping[str, Array], parameters: int, scale: Frame) -> Failure | None:
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
