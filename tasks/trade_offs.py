"""The Pareto front over any axes: fitness, gains in objectives and entries of efficiency, such as state memory."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archdb import FITNESS, Better, Outline, coordinates, dominates
from evaluation import Measure, Objective
from tasks.limits import entry_of

Place = tuple[Outline, tuple[float, ...]]  # a design, and where it stands on each axis


class Unbeaten(NamedTuple):
    """The designs that no other equals or beats on every axis and beats on one. Quadratic baselines, which are there
    to compare with, neither stand on a front nor beat anything.
    """

    axes: dict[str, Better]
    members: tuple[Place, ...]  # best first on the first axis
    beaten: int
    quadratic: int
    unknown: int  # other designs that lack a number that an axis needs


def axes_of(
    names: Sequence[str], objectives: Mapping[str, Objective], measures: Mapping[str, Measure]
) -> dict[str, Better]:
    """Axes that a person named, each with its better direction: gains are better when higher.

    Args:
        names: "fitness", an objective, or an entry of efficiency, whose prefix of claims may be left out.
        objectives: of the scale.
        measures: what is recorded of a design's efficiency.

    Raises:
        ValueError: a name is none of these.
    """
    found: dict[str, Better] = {}
    for name in names:
        entry = entry_of(name, measures)
        if entry is not None:
            found[entry] = measures[entry].better
        elif name == FITNESS or name in objectives:
            found[name] = "higher"
        else:
            known = ", ".join((FITNESS, *objectives, *measures))
            raise ValueError(f"{name} is no axis: name one of {known}.")
    return found


def unbeaten(designs: Sequence[Outline], axes: Mapping[str, Better]) -> Unbeaten:
    """The front of some designs over axes from :func:`axes_of`."""
    able = [one for one in designs if "quadratic" not in one.tags]
    places = [(one, point) for one in able if (point := coordinates(one, axes)) is not None]
    members = [place for place in places if not any(dominates(other[1], place[1], axes) for other in places)]
    sign = -1.0 if next(iter(axes.values()), "higher") == "higher" else 1.0
    members.sort(key=lambda place: (sign * place[1][0], place[0].id))
    beaten, unknown = len(places) - len(members), len(able) - len(places)
    return Unbeaten(dict(axes), tuple(members), beaten, len(designs) - len(able), unknown)
