"""Limits of a deployment, such as "decode state of at most 64 kB a layer": which designs meet them.

A limit names an entry of efficiency, a sign and a value: ``claimed_state_bytes_per_layer<=64kB``. ``1.1x`` stands for
so many times what the reference of the same campaign has. Nothing is guessed: a design of which a limit's number is not
known does not meet it.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from archdb import Outline
from evaluation import CLAIM, Measure

FORM = re.compile(r"\s*(\w+)\s*(<=|>=)\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([A-Za-z]*)\s*")
UNITS: Mapping[str, float] = {
    "": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
    "s": 1.0, "ms": 1e-3, "us": 1e-6,
}  # fmt: skip
TIMES = "x"


class Limit(NamedTuple):
    """The most or the least that an entry of efficiency may be."""

    name: str  # of the entry
    sign: str  # <= or >=
    value: float  # in the entry's unit, or a multiple of the reference's
    of_reference: bool


class Met(NamedTuple):
    """Which of some designs meet limits."""

    designs: tuple[Outline, ...]  # in the order in which they were given
    bounds: dict[str, float]  # entry -> what it may be, in its unit
    beyond: int  # designs that do not meet them
    unknown: int  # designs without a number that a limit needs


def limit_of(text: str, measures: Mapping[str, Measure]) -> Limit:
    """The limit that a person wrote.

    Args:
        text: as above; the prefix of claims may be left out of a name.
        measures: what is recorded of a design's efficiency.

    Raises:
        ValueError: it is none, or names what is not recorded.
    """
    read = FORM.fullmatch(text)
    if read is None or (read[4] not in UNITS and read[4] != TIMES):
        raise ValueError(
            f"{text} is no limit: write NAME<=VALUE or NAME>=VALUE, in one of {', '.join(filter(None, UNITS))}, "
            "or with x for times the reference's, such as prefill_seconds<=1.1x."
        )
    name, sign, number, unit = read.groups()
    entry = entry_of(name, measures)
    if entry is None:
        raise ValueError(f"{name} is not recorded of designs: name one of {', '.join(measures)}.")
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"{number} is no number: write a value such as 64kB or 1.1x.") from None
    return Limit(entry, sign, value * UNITS.get(unit, 1.0), unit == TIMES)


def entry_of(name: str, measures: Mapping[str, Measure]) -> str | None:
    """The entry of efficiency that a person means, who may leave the prefix of claims out; None if it is none."""
    return next((one for one in (name, CLAIM + name) if one in measures), None)


def meeting(designs: Iterable[Outline], limits: Sequence[Limit], reference: Outline | None) -> Met:
    """Those of some designs that meet every limit.

    Args:
        designs: of one campaign.
        limits: from :func:`limit_of`.
        reference: of the same campaign, for limits that are multiples of what it has.

    Raises:
        ValueError: the reference's number that a limit needs is not known.
    """
    bounds = [_bound(limit, reference) for limit in limits]
    met, beyond, unknown = [], 0, 0
    for one in designs:
        values = [one.efficiency.get(limit.name, math.nan) for limit in limits]
        if any(map(math.isnan, values)):
            unknown += 1
        elif all(
            value <= bound if limit.sign == "<=" else value >= bound
            for value, bound, limit in zip(values, bounds, limits, strict=True)
        ):
            met.append(one)
        else:
            beyond += 1
    return Met(tuple(met), {limit.name: bound for limit, bound in zip(limits, bounds, strict=True)}, beyond, unknown)


def _bound(limit: Limit, reference: Outline | None) -> float:
    if not limit.of_reference:
        return limit.value
    known = reference.efficiency.get(limit.name) if reference is not None else None
    if known is None:
        raise ValueError(
            f"The campaign's reference has no {limit.name} that {limit.value:g}x could be of: give a limit in its unit."
        )
    return limit.value * known
