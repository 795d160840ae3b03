"""The figures as PNG files, for slides and papers. Drawn with matplotlib's object interface: no global state."""

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import LogLocator, NullLocator

from flows.report.axes import of_fitness
from flows.report.contents import Contents, Design
from flows.report.palette import FAINT, INK, QUIET, SERIES, fitness_colour
from flows.report.series import FLOOR, Line, lines_by_task, title_of, top_candidates, visible_losses
from flows.report.tree import lay_out
from flows.report.wording import shortened, signed

DOTS_PER_INCH = 150
WIDEST = 4  # loss curves side by side; more tasks go below
TALLEST = 60.0  # inches: a figure of this height is 9,000 pixels high
MOST_ROWS = 100  # with a name each: the best of a leaderboard, or all of a lineage
NOTHING = "nothing to show yet"
FAILED = -9.0  # a failed design has the colour of a fitness this far below the reference


def draw_figures(contents: Contents) -> dict[str, bytes]:
    """File name -> PNG."""
    return {
        "leaderboard.png": _leaderboard(contents),
        "losses.png": _losses(contents),
        "progress.png": _progress(contents),
        "lineage.png": _lineage(contents),
    }


def _leaderboard(contents: Contents) -> bytes:
    ranking = contents.ranking[:MOST_ROWS][::-1]
    figure, (axes,) = _sheet(8, 1.4 + 0.28 * len(ranking))
    if not ranking:
        return png(_empty(figure, axes))
    fitness = [one.fitness or 0.0 for one in ranking]
    axes.barh(range(len(ranking)), fitness, color=[fitness_colour(value) for value in fitness], height=0.7)
    axes.set_yticks(range(len(ranking)), [_label(one) for one in ranking], parse_math=False)
    for tick, one in zip(axes.get_yticklabels(), ranking, strict=True):
        tick.set_fontweight("bold" if one.reference else "normal")
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.margins(y=0.02)
    edge = of_fitness(fitness, 0, 1)
    axes.set_xlim(edge.low, edge.high)
    axes.set_xlabel("fitness: mean gain over the reference in units of noise and spread")
    return png(figure)


def _losses(contents: Contents) -> bytes:
    tasks = lines_by_task(contents)
    columns = min(WIDEST, len(tasks)) or 1
    rows = -(-len(tasks) // columns) or 1
    figure, sheet = _sheet(5 * columns, 4 * rows, len(tasks) or 1, columns)
    if not tasks:
        return png(_empty(figure, sheet[0]))
    for axes, (task, lines) in zip(sheet, tasks.items(), strict=True):
        for line in lines:
            axes.plot(*zip(*line.points, strict=True), **_stroke(line))
        losses = [max(loss, FLOOR) for loss in visible_losses(lines)]
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(min(losses) / 1.15, max(losses) * 1.15)
        axes.set_title(title_of(task, contents), parse_math=False, loc="left", fontsize=11)
        axes.set_xlabel("step")
    for axes in sheet[::columns]:
        axes.set_ylabel("loss in nats")
    keys = [*top_candidates(contents), *([contents.reference] if contents.reference else [])]
    colours = [*SERIES[: len(keys) - bool(contents.reference)], INK]
    if keys:
        drawn = [sheet[0].plot([], [], color=colour)[0] for _, colour in zip(keys, colours, strict=False)]
        legend = figure.legend(drawn, ["" for _ in keys], loc="outside lower center", ncols=3, frameon=False)
        legend.set_title("as streamed by training, display only", prop=FontProperties(size=9))
        for text, one in zip(legend.get_texts(), keys, strict=True):
            text.set_parse_math(False)
            text.set_text(_label(one))
    return png(figure)


def _stroke(line: Line) -> dict[str, Any]:
    if line.role == "top":
        return {"color": SERIES[line.place], "linewidth": 1.4}
    if line.role == "reference":
        return {"color": INK, "linewidth": 2.2}
    return {"color": QUIET if line.role == "baseline" else FAINT, "linewidth": 0.9}


def _progress(contents: Contents) -> bytes:
    figure, (axes,) = _sheet(8, 4)
    if not contents.progress:
        return png(_empty(figure, axes))
    edge = of_fitness([one.fitness or 0.0 for one in contents.ranking], 0, 1)
    for point in contents.progress:
        fitness = point.design.fitness
        if fitness is None:
            axes.plot(point.cpu_seconds, 0.02, "x", color=fitness_colour(FAILED), transform=axes.get_xaxis_transform())
        else:
            marker = "s" if point.design.quadratic else "D" if point.design.kind == "baseline" else "o"
            axes.plot(point.cpu_seconds, max(fitness, edge.low), marker, color=fitness_colour(fitness), markersize=5)
    best = [(point.cpu_seconds, max(point.best, edge.low)) for point in contents.progress if point.best is not None]
    if best:
        axes.plot(*zip(*best, strict=True), drawstyle="steps-post", color=INK, linewidth=1.2)
    axes.axhline(0.0, color=QUIET, linewidth=0.8, linestyle="--")
    axes.set_xlim(left=0.0)
    axes.set_ylim(edge.low - 0.1 * (edge.high - edge.low), edge.high)  # room for the crosses
    axes.set_xlabel("CPU-seconds of evaluation, in order of completion")
    axes.set_ylabel("fitness")
    return png(figure)


def _lineage(contents: Contents) -> bytes:
    nodes = lay_out(contents.designs)
    labelled = len(nodes) <= MOST_ROWS
    figure, (axes,) = _sheet(9, 1.0 + 0.26 * len(nodes) if labelled else 12)
    if not nodes:
        return png(_empty(figure, axes))
    edges = [
        ((node.depth - 1, node.parent), (node.depth - 1, node.row), (node.depth, node.row))
        for node in nodes
        if node.parent is not None
    ]
    axes.add_collection(LineCollection(edges, color=QUIET, linewidth=0.8 if labelled else 0.3, zorder=1))
    for marker in ("o", "s", "x"):
        alike = [node for node in nodes if _marker(node.design) == marker]
        colours = [fitness_colour(FAILED if marker == "x" else node.design.fitness) for node in alike]
        places = [node.depth for node in alike], [node.row for node in alike]
        axes.scatter(*places, c=colours, marker=marker, s=36 if labelled else 6, linewidths=1.2, zorder=2)
    for node in nodes if labelled else ():
        said = "failed" if node.design.failure else signed(node.design.fitness, contents.fitness_places)
        label = f"{_label(node.design)}   {said}"
        beside = {"xytext": (8, 0), "textcoords": "offset points"}
        axes.annotate(label, (node.depth, node.row), va="center", fontsize=8, parse_math=False, **beside)
    axes.set_xlim(-0.2, max(node.depth for node in nodes) + (5 if labelled else 0.5))
    axes.set_ylim(len(nodes), -1)
    axes.set_axis_off()
    return png(figure)


def _marker(design: Design) -> str:
    return "x" if design.failure else "s" if design.quadratic else "o"


def _sheet(width: float, height: float, count: int = 1, columns: int = 1) -> tuple[Figure, list[Any]]:
    """A figure and its ``count`` axes, row by row."""
    figure = Figure(figsize=(width, min(height, TALLEST)), layout="constrained", dpi=DOTS_PER_INCH)
    found = [figure.add_subplot(-(-count // columns), columns, place + 1) for place in range(count)]
    for axes in found:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure, found


def _empty(figure: Figure, axes: Any) -> Figure:
    axes.set_axis_off()
    axes.text(0.5, 0.5, NOTHING, ha="center", color=QUIET)
    return figure


def _label(design: Design) -> str:
    """The name in signs that the font of the figures has."""
    return shortened(design.name.encode("latin-1", "replace").decode("latin-1"), 44)


def png(figure: Figure) -> bytes:
    """The figure as a PNG that does not say what drew it, so that the same figure gives the same bytes."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
