"""Arrays across the trust border: what a child wrote is opened, bounded and parsed as raw bytes, never unpickled."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

Array = NDArray[np.generic]


class Malformed(Exception):
    """A child's file is missing, too large, or not what was asked for. The text is one sentence."""


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes, read once so that it cannot change after judging.

    Links, pipes and devices are refused: a child may leave one in place of its output.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Malformed(f"{path.name} was not written ({error.strerror}).") from error
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Malformed(f"{path.name} is not a regular file.")
        if facts.st_size > limit:
            raise Malformed(f"{path.name} has {facts.st_size} bytes, more than the {limit} allowed.")
        return file.read(limit)


def parse_arrays(blob: bytes, name: str) -> dict[str, Array]:
    """Arrays of a safetensors file's bytes. The format holds names, shapes and raw data only."""
    try:
        return dict(load(blob))
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise Malformed(f"{name} is not a valid safetensors file ({type(error).__name__}).") from error


def read_arrays(path: Path, limit: int) -> dict[str, Array]:
    """Arrays from a safetensors file that a child wrote. Raises Malformed."""
    return parse_arrays(read_bytes(path, limit), path.name)


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays for a child to read."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
