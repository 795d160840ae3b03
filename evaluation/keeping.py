"""What a training child wrote becomes a weights file only here, after it was verified."""

import hashlib
import os
from pathlib import Path

from safetensors.numpy import save

from evaluation.arrays import read_arrays
from evaluation.jobs import WEIGHTS_FILE
from evaluation.reports import Failure
from evaluation.scales import Scale
from evaluation.scales.large import LargeScale
from evaluation.weights import parameters_of, unacceptable


def keep(
    place: Path, folder: Path, scale: Scale | LargeScale, mlp_hidden: int, name: str = WEIGHTS_FILE
) -> tuple[Failure | None, int, str]:
    """Verify the child's weights in the file ``name`` and write what was verified into ``folder`` in one step.

    Returns a failure if they cannot be accepted, their number, and the sha256 of the file. Raises Malformed.
    Written afresh: the child's own file could hold anything besides, in its header.
    """
    weights = read_arrays(place / name, scale.train.output_bytes)
    parameters = parameters_of(weights, scale, mlp_hidden)
    failure = unacceptable(weights, parameters, scale)
    if failure is not None:
        return failure, parameters, ""
    blob = save(dict(weights))
    partial = folder / f"{name}.partial"
    partial.write_bytes(blob)
    os.replace(partial, folder / name)
    return None, parameters, hashlib.sha256(blob).hexdigest()
