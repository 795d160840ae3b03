"""Reading what a checking child wrote: raw arrays of the names and kinds that were asked for, or Malformed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evaluation.arrays import Array, Malformed, read_arrays, read_bytes
from evaluation.checks.plan import Floats, Plan, Results
from evaluation.jobs import GRADIENTS_FILE, KEPT_FILE, NOTES_FILE, OUTPUTS_FILE, STATE_FILE, Notes

_NOTES_BYTES = 100_000
_METERS = 10


def read_outputs(plan: Plan, place: Path, limit: int) -> dict[str, Array]:
    """Every output array, those that had to be written among them."""
    outputs = read_arrays(place / OUTPUTS_FILE, limit)
    for call in plan.calls:
        if not call.optional and call.route != "step":
            _require(outputs, call.name)
    return outputs


def read_state(place: Path, limit: int) -> dict[str, Array]:
    """The layer's initial state, "parameter/name" or "buffer/name"."""
    return read_arrays(place / STATE_FILE, limit)


def read_results(
    plan: Plan, place: Path, limit: int, outputs: Mapping[str, Array], state: Mapping[str, Array], notes: Notes
) -> Results:
    """Everything, sorted by kind."""
    for call in plan.calls:
        if call.name in notes.raised and not call.optional:
            raise Malformed(f"{NOTES_FILE} excuses {call.name!r}, which had to work.")
        if call.name in notes.raised or (call.route == "step" and not notes.decoding):
            continue
        _require(outputs, call.name)
        if call.gradient:
            _require(outputs, f"{call.name}/input")
        if call.route == "restored":
            _require(outputs, f"{call.name}/before")
        if call.route == "step":
            _require(outputs, f"{call.name}/bytes")
    counts = {name: array for name, array in outputs.items() if array.dtype == np.int64}
    for name in plan.metered:
        if name not in counts or counts[name].shape != (_METERS,) or (counts[name].astype(np.int64) < 0).any():
            raise Malformed(f"{OUTPUTS_FILE} lacks the counts {name!r}.")
    return Results(
        plan=plan,
        outputs=_floats({name: array for name, array in outputs.items() if name not in counts}, OUTPUTS_FILE),
        gradients=_floats(read_arrays(place / GRADIENTS_FILE, limit), GRADIENTS_FILE),
        kept=read_arrays(place / KEPT_FILE, limit),
        state=state,
        counts={name: array.astype(np.int64) for name, array in counts.items()},
        notes=notes,
    )


def read_notes(place: Path) -> Notes:
    """What the child told in words."""
    try:
        return Notes.model_validate_json(read_bytes(place / NOTES_FILE, _NOTES_BYTES))
    except ValidationError as error:
        raise Malformed(f"{NOTES_FILE} does not hold what was asked for.") from error


def _require(arrays: Mapping[str, Array], name: str) -> None:
    if name not in arrays:
        raise Malformed(f"{OUTPUTS_FILE} lacks {name!r}.")


def _floats(arrays: Mapping[str, Array], file: str) -> dict[str, Floats]:
    checked: dict[str, NDArray[np.floating]] = {}
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise Malformed(f"{file} holds {array.dtype} where floats were expected.")
        checked[name] = array.astype(array.dtype, copy=False)
    return checked
