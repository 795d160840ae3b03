"""Figures of the page as inline SVG. Built as a tree of elements, so every text and attribute is escaped."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from markupsafe import Markup

from flows.report.axes import Axis, linear, logarithmic, of_fitness, tick_label
from flows.report.contents import Contents, Design, Point
from flows.report.palette import fitness_colour
from flows.report.series import FLOOR, Line, lines_by_task, title_of, visible_losses
from flows.report.svg import add, canvas, grid, text, written
from flows.report.tree import Node, lay_out
from flows.report.wording import number, shortened, signed

MOST_MARKS = 300  # designs with a mark and a link each in the figure of the progress
ROW, INDENT, LABEL = 22, 18, 42  # pixels per row and per depth; signs of a name


def draw_losses(contents: Contents) -> list[tuple[str, Markup]]:
    """(title, drawing) for every task that was trained: streamed loss over steps, logarithmic."""
    return [(title_of(task, contents), draw_curves(lines)) for task, lines in lines_by_task(contents).items()]


def draw_curves(lines: list[Line], width: float = 380) -> Markup:
    """Loss over steps on a logarithmic axis, one line a design; ``width`` in pixels."""
    svg = canvas(width, 280, "Streamed training loss of every design over steps")
    across = Axis(low=0, high=max(1, *(line.points[-1][0] for line in lines)), start=46, end=width - 8)
    down = logarithmic(visible_losses(lines), 244, 8, FLOOR)
    grid(svg, across, down, ("step", "loss (nats)"), labels=260)
    for line in lines:
        path = "M" + "L".join(f"{across.at(step)} {down.at(loss)}" for step, loss in line.points)
        kind = f"top s{line.place}" if line.role == "top" else line.role
        link = add(svg, "a", href=f"#{line.design.anchor}")
        drawn = add(link, "path", d=path, **{"class": f"line {kind}", "data-design": line.design.anchor})
        add(drawn, "title").text = line.design.name
    return written(svg)


def draw_progress(contents: Contents) -> Markup:
    """Fitness of every design and the best so far, against the compute spent."""
    points = contents.progress
    svg = canvas(760, 340, "Fitness of every finished design against cumulative CPU-seconds")
    scored = [point.design.fitness for point in points if point.design.fitness is not None]
    across = linear([0.0, *(point.cpu_seconds for point in points)], 56, 748, margin=0.02).model_copy(
        update={"low": 0.0}
    )
    down = of_fitness(scored, 282, 12)
    grid(svg, across, down, ("CPU-seconds of evaluation, in order of completion", "fitness"), labels=312)
    level = str(down.at(0.0))
    add(svg, "line", x1="56", x2="748", y1=level, y2=level, **{"class": "level"})
    best = [(across.at(point.cpu_seconds), down.at(point.best)) for point in points if point.best is not None]
    if best:
        path = f"M{best[0][0]} {best[0][1]}" + "".join(f"H{x}V{y}" for x, y in best[1:]) + "H748"
        add(svg, "path", d=path, **{"class": "best"})
    rest = []
    for point in points:
        x, y, design = across.at(point.cpu_seconds), _level(point.design, down), point.design
        if _stands_out(point, len(points)):
            _mark(svg, x, y, design)
        else:
            rest.append((x, y, design))
    _dots(svg, rest)
    return written(svg)


def _level(design: Design, down: Axis) -> float:
    """The height of a design; those without a fitness lie below all others."""
    return 292 if design.fitness is None else down.at(design.fitness)


def _stands_out(point: Point, count: int) -> bool:
    """Whether a design has a mark of its own, with a link: all do, or of very many the baselines and each new best."""
    return (
        count <= MOST_MARKS
        or point.design.kind == "baseline"
        or (point.best is not None and point.best == point.design.fitness)
    )


def _dots(svg: ET.Element, marks: Sequence[tuple[float, float, Design]]) -> None:
    """Many designs as few paths, one a colour; crosses are those that failed."""
    paths: dict[str, list[str]] = {}
    for x, y, design in marks:
        if design.failure is not None:
            paths.setdefault("", []).append(f"M{x - 2:g} {y - 2:g}l4 4m0 -4l-4 4")
        else:
            colour = fitness_colour(None if design.fitness is None else round(design.fitness, 1))
            paths.setdefault(colour, []).append(f"M{x:g} {y:g}h0")
    for colour, path in paths.items():
        if colour:
            add(svg, "path", d="".join(path), stroke=colour, **{"class": "dot"})
        else:
            add(svg, "path", d="".join(path), **{"class": "cross faint"})


def draw_lineage(contents: Contents) -> Markup:
    """Every design under its first parent, and beside the tree its fitness on a common axis."""
    nodes = lay_out(contents.designs)
    left = 16 + INDENT * max((node.depth for node in nodes), default=0) + 7 * LABEL
    height = 34 + ROW * len(nodes)
    svg = canvas(left + 480, height, "Lineage: every design under its first parent, with its fitness")
    svg.set("role", "group")  # its names and links are read out, too
    svg.set("width", str(left + 480))
    svg.set("height", str(height))
    scored = [one.fitness for one in contents.designs if one.fitness is not None]
    across = of_fitness(scored, left + 20, left + 400)
    for tick in across.ticks():
        x = str(across.at(tick))
        add(svg, "line", x1=x, x2=x, y1="22", y2=str(height - 6), **{"class": "level" if tick == 0 else "rule"})
        text(svg, float(x), 14, tick_label(tick, across.ticks()), "tick", anchor="middle")
    for node in nodes:
        _row(svg, node, across, contents.fitness_places)
    return written(svg)


def _row(svg: ET.Element, node: Node, across: Axis, places: int) -> None:
    design, x, y = node.design, 16 + INDENT * node.depth, _height(node.row)
    if node.parent is not None:
        add(svg, "path", d=f"M{x - INDENT} {_height(node.parent) + 6}V{y}H{x - 6}", **{"class": "edge"})
    _mark(svg, x, y, design)
    link = add(svg, "a", href=f"#{design.anchor}")
    kind = "name reference" if design.reference else "name failed" if design.failure else "name"
    label = text(link, x + 11, y + 4, shortened(design.name, LABEL), kind)
    add(label, "title").text = f"{design.name} ({design.id})"
    end = across.end + 68
    if design.fitness is None:
        text(svg, end, y + 4, "failed" if design.failure else "unfinished", "tick", anchor="end")
        return
    reach = sorted((across.at(0.0), across.at(design.fitness)))
    bar = {"x": str(reach[0]), "y": str(y - 4), "width": str(round(reach[1] - reach[0], 1)), "height": "8", "rx": "1.5"}
    add(svg, "rect", fill=fitness_colour(design.fitness), **bar)
    if design.fitness < across.low:
        add(svg, "path", d=f"M{across.start} {y - 7}l-7 7l7 7z", fill=fitness_colour(design.fitness))
    text(svg, end, y + 4, signed(design.fitness, places), "value", anchor="end")


def _height(row: int) -> float:
    return 36 + ROW * row


def draw_bar(fitness: float) -> Markup:
    """A small bar to the left (worse) or right (better) of the reference; a fitness of 1 fills its side."""
    length = round(30 * min(1.0, abs(fitness)), 1)
    svg = ET.Element("svg", {"class": "bar", "viewBox": "0 0 64 10", "aria-hidden": "true"})
    add(svg, "line", x1="32", x2="32", y1="0", y2="10", **{"class": "level"})
    start = 32.0 if fitness >= 0 else 32 - length
    add(svg, "rect", x=str(start), y="2", width=str(length), height="6", fill=fitness_colour(fitness))
    return written(svg)


def _mark(parent: ET.Element, x: float, y: float, design: Design) -> None:
    """A dot for a design; a square for a quadratic one, a cross for a failed one, a ring for an unfinished one."""
    link = add(parent, "a", href=f"#{design.anchor}")
    colour, size = fitness_colour(design.fitness), 5.0 if design.kind == "baseline" else 4.2
    if design.failure is not None:
        cross = f"M{x - 3.5} {y - 3.5}l7 7m0 -7l-7 7"
        mark = add(link, "path", d=cross, **{"class": "cross"})
    elif design.fitness is None:
        mark = add(link, "circle", cx=str(x), cy=str(y), r="4", **{"class": "ring"})
    elif design.quadratic:
        mark = add(link, "rect", x=str(x - 4), y=str(y - 4), width="8", height="8", fill="none", stroke=colour)
        mark.set("stroke-width", "1.8")
    else:
        mark = add(link, "circle", cx=str(x), cy=str(y), r=str(size), fill=colour)
        if design.reference:
            mark.set("class", "ringed")
    reason = f"failed: {design.failure.kind}" if design.failure else f"fitness {signed(design.fitness, 3)}"
    add(mark, "title").text = f"{design.name}: {reason}, {number(design.cpu_seconds, 1)} CPU-seconds"
