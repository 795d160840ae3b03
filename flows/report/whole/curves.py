"""The best so far by family, discoveries against compute, and counts of failures, as inline SVG."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from flows.report.axes import Axis, linear, of_fitness
from flows.report.palette import SERIES
from flows.report.svg import add, canvas, grid, text, written
from flows.report.whole.contents import Growth
from flows.report.wording import number, shortened
from tasks.families import Families

MOST_STEPS = 400  # corners of a drawn staircase: more than a figure can show


def draw_families(found: Families) -> Markup:
    """The best fitness so far of each family, against what was spent on it."""
    curves = [one for one in found.families if one.curve]
    if not curves:
        return Markup("")
    svg = canvas(760, 320, "Best fitness so far of each root family against the CPU-hours spent on it")
    across = linear([0.0, *(one.curve[-1][0] for one in curves)], 56, 748, 0.02).model_copy(update={"low": 0.0})
    down = of_fitness([value for one in curves for _, value in one.curve], 268, 12)
    grid(svg, across, down, ("CPU-hours spent on the family", "best fitness so far"), labels=290)
    level = str(down.at(0.0))
    add(svg, "line", x1="56", x2="748", y1=level, y2=level, **{"class": "level"})
    for place, one in reversed(list(enumerate(curves))):
        path = add(svg, "path", d=staircase(one.curve, across, down), **{"class": f"line top {family_class(place)}"})
        hours, best = one.curve[-1]
        add(path, "title").text = f"{one.name}: {number(best, 3)} after {number(hours, 2)} CPU-hours"
    return written(svg)


def family_class(place: int) -> str:
    """The class of a family's line: the first ones have colours, the others are grey."""
    return f"s{place}" if place < len(SERIES) else "rest"


def corners(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A staircase by its steps alone, and its end; with many steps evenly chosen ones."""
    kept = [curve[0], *(later for earlier, later in pairwise(curve) if later[1] != earlier[1])]
    if len(kept) > MOST_STEPS:
        kept = [kept[round(place * (len(kept) - 1) / (MOST_STEPS - 1))] for place in range(MOST_STEPS)]
    return [*kept, curve[-1]]


def staircase(curve: Sequence[tuple[float, float]], across: Axis, down: Axis) -> str:
    """A path that steps up where the curve does."""
    first, *rest = corners(curve)
    return f"M{across.at(first[0])} {down.at(first[1])}" + "".join(f"H{across.at(x)}V{down.at(y)}" for x, y in rest)


def draw_growth(one: Growth) -> Markup:
    """Discoveries against compute with the best law and a constant rate; empty where nothing was discovered."""
    search, law = one.search, one.law
    if not search.moments:
        return Markup("")
    svg = canvas(760, 320, f"Discoveries against {search.unit}, with the law that fits best")
    within = [point for point in law.curve if point.compute <= search.compute * 1.0001]
    tops = [float(law.discoveries), *(point.high for point in within)]
    across = linear([0.0, search.compute], 56, 748, 0.02).model_copy(update={"low": 0.0})
    down = linear([0.0, *tops], 268, 12, 0.04).model_copy(update={"low": 0.0})
    grid(svg, across, down, (search.unit, f"discoveries: {search.what}"), labels=290)
    if within:
        upper = [f"{across.at(point.compute)} {down.at(point.high)}" for point in within]
        lower = [f"{across.at(point.compute)} {down.at(point.low)}" for point in reversed(within)]
        add(svg, "path", d="M" + "L".join([*upper, *lower]) + "Z", **{"class": "band"})
        line = "L".join(f"{across.at(point.compute)} {down.at(point.expected)}" for point in within)
        add(svg, "path", d=f"M{line}", **{"class": "line top s0"})
    end = f"L{across.at(search.compute)} {down.at(law.discoveries)}"
    add(svg, "path", d=f"M{across.at(0.0)} {down.at(0.0)}{end}", **{"class": "level"})
    counted = [(0.0, 0.0), *((at, float(place)) for place, at in enumerate(sorted(search.moments), start=1))]
    steps = staircase([*counted, (search.compute, float(law.discoveries))], across, down)
    add(svg, "path", d=steps, **{"class": "best"})
    return written(svg)


def draw_failures(kinds: Sequence[tuple[str, str, int]]) -> Markup:
    """How many designs failed in each stage, and of what kind."""
    if not kinds:
        return Markup("")
    height = 12 + 22 * len(kinds)
    svg = canvas(760, height, "Designs that failed, by stage and kind")
    across = Axis(low=0, high=max(count for *_, count in kinds), start=322, end=700)
    for place, (stage, kind, count) in enumerate(kinds):
        _bar(svg, 8 + 22 * place, f"{kind.replace('_', ' ')} in {stage}", count, across)
    return written(svg)


def _bar(svg: ET.Element, y: float, name: str, count: int, across: Axis) -> None:
    text(svg, across.start - 12, y + 11, shortened(name, 46), "name", anchor="end")
    width = max(1.0, across.at(count) - across.start)
    add(svg, "rect", x=str(across.start), y=str(y), width=f"{width:g}", height="14", **{"class": "count"})
    text(svg, across.start + width + 8, y + 11, number(count), "tick")
