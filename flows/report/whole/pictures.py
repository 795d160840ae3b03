"""The figures of the whole as PNG files. Drawn with matplotlib's object interface: no global state."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from flows.report.axes import of_fitness
from flows.report.contents import Contents
from flows.report.figures import DOTS_PER_INCH, TALLEST, png
from flows.report.palette import BETTER, INK, QUIET, SERIES, WORSE
from flows.report.scaling import draw_scaling
from flows.report.whole.contents import KNOCK_OUTS_DRAWN, Growth, KnockOut, ObjectiveEffects, Trades, Whole
from flows.report.whole.curves import corners
from flows.report.whole.forest import TIMES
from flows.report.wording import shortened
from tasks.families import Families

SIGNS = 46  # of a name
FIRST = ("claimed_state_bytes_per_layer", "decode_seconds", "prefill_seconds", "cpu_seconds")  # costs, in this order
NEARLY_ALL = 0.8
FAR = 30.0  # the largest value of an axis over the smallest, from which its decades are shown
Row = tuple[str, float, float | None, float | None, bool]


def picture_names(contents: Contents, whole: Whole) -> set[str]:
    """Which figures of the whole, and of the rest, have something to show."""
    there = {
        "leaderboard": True,
        "lineage": True,
        "progress": True,
        "components": any(one.drawn for one in whole.effects),
        "ablations": bool(whole.knock_outs),
        "families": bool(whole.families and any(one.curve for one in whole.families.families)),
        "scaling": whole.growth is not None,
        "pareto": bool(whole.trades.designs),
        "failures": bool(contents.kinds_of_failure),
    }
    return {name for name, found in there.items() if found}


def picture_whole(contents: Contents, whole: Whole) -> dict[str, bytes]:
    """File name -> PNG, of what there is."""
    draw: dict[str, Callable[[], bytes]] = {
        "components": lambda: _components([one for one in whole.effects if one.drawn]),
        "ablations": lambda: _knock_outs(whole.knock_outs),
        "families": lambda: _families(whole.families),
        "scaling": lambda: _scaling(whole.growth),
        "pareto": lambda: _trades(contents, whole.trades),
        "failures": lambda: _failures(contents.kinds_of_failure),
    }
    there = picture_names(contents, whole)
    return {f"{name}.png": drawn() for name, drawn in draw.items() if name in there}


def _sheet(width: float, heights: Sequence[float]) -> tuple[Figure, list[Any]]:
    """A figure with axes one below the other."""
    size = (width, min(sum(heights), TALLEST))
    figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
    found = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes in found:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure, list(found)


def _colour(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    return rgb[0] / 255, rgb[1] / 255, rgb[2] / 255


def _forest(axes: Any, rows: Sequence[Row], title: str) -> None:
    for place, (_, effect, low, high, certain) in enumerate(rows):
        colour: Any = _colour(BETTER if effect > 0 else WORSE) if certain else QUIET
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
        axes.plot(effect, place, "o", color=colour, markersize=5)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    names = [shortened(row[0].encode("latin-1", "replace").decode("latin-1"), SIGNS) for row in rows]
    axes.set_yticks(range(len(rows)), names, parse_math=False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize=10, parse_math=False)


def _components(effects: Sequence[ObjectiveEffects]) -> bytes:
    figure, sheet = _sheet(8, [0.7 + 0.24 * len(one.drawn) for one in effects])
    for axes, one in zip(sheet, effects, strict=True):
        rows = [(TIMES.join(e.choices), e.effect, e.low, e.high, e.certain) for e in one.drawn]
        _forest(axes, rows, one.title)
    sheet[-1].set_xlabel("worth, in units of noise and spread; 95% intervals that hold at once")
    return png(figure)


def _knock_outs(found: Sequence[KnockOut]) -> bytes:
    shown = found[:KNOCK_OUTS_DRAWN]
    figure, (axes,) = _sheet(8, [1.2 + 0.24 * len(shown)])
    rows = [(f"{one.component} in {one.design.text}", one.difference, one.low, one.high, one.seen) for one in shown]
    _forest(axes, rows, "Design minus the same design without the component")
    axes.set_xlabel("fitness, with 95% intervals")
    return png(figure)


def _families(found: Families | None) -> bytes:
    curves = [one for one in found.families if one.curve] if found else []
    figure, (axes,) = _sheet(8, [4.2])
    edge = of_fitness([value for one in curves for _, value in one.curve], 0, 1)
    for place, one in reversed(list(enumerate(curves))):
        hours, best = zip(*corners(one.curve), strict=True)
        colour = SERIES[place] if place < len(SERIES) else QUIET
        lines = axes.plot(hours, [max(value, edge.low) for value in best], drawstyle="steps-post", color=colour)
        lines[0].set_label(one.name.replace("$", ""))
    axes.axhline(0.0, color=QUIET, linewidth=0.8, linestyle="--")
    axes.set_xlabel("CPU-hours spent on the family")
    axes.set_ylabel("best fitness so far")
    axes.legend(frameon=False, fontsize=8, reverse=True)
    return png(figure)


def _scaling(one: Growth | None) -> bytes:
    return draw_scaling(one.search, one.law, one.bend) if one else b""


def default_axes(trades: Trades) -> tuple[str, str]:
    """What the Pareto figure shows at first: the first cost that nearly all designs have, and fitness.

    Designs that cannot decode have neither a state nor a time for one token.
    """
    counts = Counter(key for _, values in trades.designs for key in values)
    cost = next(one for one in FIRST if counts[one] >= NEARLY_ALL * len(trades.designs))  # all have the last
    return cost, trades.axes[0].key


def _trades(contents: Contents, trades: Trades) -> bytes:
    across, down = default_axes(trades)
    titles = {one.key: f"{one.title} ({one.unit})" for one in trades.axes}
    quadratic = {one.id for one in contents.designs if one.quadratic}
    shown = [(name, at[across], at[down]) for name, at in trades.designs if across in at and down in at]
    figure, (axes,) = _sheet(8, [4.6])
    edge = of_fitness([y for *_, y in shown], 0, 1)
    for name, x, y in shown:
        marker = {"markerfacecolor": "none"} if name in quadratic else {}
        axes.plot(x, max(y, edge.low), "s" if name in quadratic else "o", color=QUIET, markersize=4, **marker)
    best, front = float("-inf"), []
    for _, x, y in sorted((one for one in shown if one[0] not in quadratic), key=lambda one: (one[1], -one[2])):
        if y > best:
            best = y
            front.append((x, y))
    if front:
        axes.plot(*zip(*front, strict=True), "o-", drawstyle="steps-post", color=SERIES[0], markersize=5)
    at = next((at for name, at in trades.designs if contents.reference and name == contents.reference.id), {})
    if across in at and down in at:
        axes.plot(at[across], at[down], "D", color=INK, markersize=7)
    values = [x for _, x, _ in shown]
    if min(values) > 0 and max(values) > FAR * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(titles[across])
    axes.set_ylabel(titles[down])
    return png(figure)


def _failures(kinds: Sequence[tuple[str, str, int]]) -> bytes:
    figure, (axes,) = _sheet(8, [0.8 + 0.28 * len(kinds)])
    axes.barh(range(len(kinds)), [count for *_, count in kinds], color=QUIET, height=0.65)
    axes.set_yticks(range(len(kinds)), [f"{kind.replace('_', ' ')} in {stage}" for stage, kind, _ in kinds])
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.set_xlabel("designs")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return png(figure)
