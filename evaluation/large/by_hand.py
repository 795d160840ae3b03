"""The large scales on the command line: what the options of ``python -m evaluation`` mean for them."""

from pathlib import Path

from evaluation.large.jobs import Device
from evaluation.large.ready import Ready, ready
from evaluation.launch import plain_launch
from evaluation.reports import Failure, Report
from evaluation.scales import frame
from evaluation.scales.large import LargeScale


class Machine(Report):
    """Data and hardware, as the options name them."""

    data: Path | None = None
    device: Device = "cuda"
    workers: int = 0
    resume: bool = False


def is_large(scale: str, machine: Machine) -> bool:
    """Whether the scale needs a dataset. Raises ValueError if one is missing, or given to a scale that takes none."""
    large = isinstance(frame(scale), LargeScale)
    if large and machine.data is None:
        raise ValueError(
            f"Scale {scale} trains on a prepared dataset: add --data FOLDER, made by python -m evaluation data prepare."
        )
    if not large and machine.data is not None:
        raise ValueError(f"Scale {scale} brings its own text: leave --data out.")
    return large


def made_ready(scale: str, machine: Machine) -> Ready | Failure:
    """The dataset and the processes to use, or why there can be no run. ``machine.data`` must be given."""
    assert machine.data is not None
    return ready(scale, machine.data, machine.device, machine.workers, plain_launch)
