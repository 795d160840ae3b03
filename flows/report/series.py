"""Which designs the loss curves show, and how each is set apart."""

from typing import Literal

from flows.report.contents import Contents, Curve, Design, Part, readable
from flows.report.palette import SERIES

Role = Literal["other", "baseline", "reference", "top"]
MOST_OTHERS = 60  # candidates behind the best ones; the best of them are drawn
MOST_POINTS = 120  # of one curve, as many as a small figure can show
FLOOR = 1e-3  # nats; below it a loss is drawn at the edge


class Line(Part):
    """One design's curve in one task."""

    design: Design
    role: Role
    place: int  # among the best candidates, from 0; 0 for other roles
    points: Curve


def top_candidates(contents: Contents) -> list[Design]:
    """The best candidates that have curves, best first."""
    ranked = [one for one in contents.ranking if one.kind != "baseline" and one.curves]
    return ranked[: len(SERIES)]


def lines_by_task(contents: Contents) -> dict[str, list[Line]]:
    """Task -> lines in the order of drawing, the most important last."""
    top = {one.id: place for place, one in enumerate(top_candidates(contents))}
    rest = [one for one in contents.ranking if one.kind != "baseline" and one.id not in top]
    unscored = [one for one in contents.designs if one.kind != "baseline" and one.fitness is None]
    shown = {one.id for one in (rest + unscored)[:MOST_OTHERS]} | set(top)
    tasks: dict[str, list[Line]] = {}
    for design in contents.designs:
        if design.kind != "baseline" and design.id not in shown:
            continue
        role: Role = "baseline" if design.kind == "baseline" else "top" if design.id in top else "other"
        role = "reference" if design.reference else role
        for task, points in design.curves.items():
            if not points:
                continue
            line = Line(design=design, role=role, place=top.get(design.id, 0), points=thinned(points))
            tasks.setdefault(task, []).append(line)
    order = ("other", "baseline", "reference", "top")
    return {
        task: sorted(tasks[task], key=lambda one: (order.index(one.role), -one.place))
        for task in sorted(tasks, key=lambda task: _place_of(task, contents))
    }


def title_of(task: str, contents: Contents) -> str:
    """The title of the task's objective, else the task's own name."""
    return next((one.title for one in contents.yardsticks if one.task == task), readable(task))


def _place_of(task: str, contents: Contents) -> tuple[int, str]:
    tasks = [one.task for one in contents.yardsticks]
    return tasks.index(task) if task in tasks else len(tasks), task


def thinned(points: Curve) -> Curve:
    """At most MOST_POINTS points, evenly chosen, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return tuple(points[round(index * last / (MOST_POINTS - 1))] for index in range(MOST_POINTS))


def visible_losses(lines: list[Line]) -> list[float]:
    """The losses that set the range of an axis. What a design streams may be anything, so where there are baselines it
    may widen their range downwards, tenfold at most, and never upwards.
    """
    trusted = [loss for line in lines if line.role in ("baseline", "reference") for _, loss in line.points]
    others = [loss for line in lines if line.role in ("top", "other") for _, loss in line.points]
    if not trusted:
        return others
    low, high = min(trusted) / 10, max(trusted)
    return trusted + [min(max(loss, low), high) for loss in others]
