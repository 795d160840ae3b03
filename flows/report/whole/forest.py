"""Effects with their intervals, one below the other, as inline SVG."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from flows.report.axes import linear, tick_label
from flows.report.contents import readable
from flows.report.svg import add, canvas, text, written
from flows.report.whole.contents import KNOCK_OUTS_DRAWN, KnockOut, ObjectiveEffects
from flows.report.wording import shortened, signed

ROW, TOP, LABEL = 38, 22, 43  # pixels of a row and above the first; signs of a name
WIDTH = 460


TIMES = " \N{MULTIPLICATION SIGN} "  # between two choices that are worth something together


class Row(NamedTuple):
    """One effect."""

    name: str
    effect: float
    low: float | None
    high: float | None
    certain: bool
    href: str = ""


def draw_effects(one: ObjectiveEffects) -> Markup:
    """The largest effects on one objective; empty where there are none."""
    rows = [Row(readable(TIMES.join(e.choices)), e.effect, e.low, e.high, e.certain) for e in one.drawn]
    return draw_forest(rows, f"Effects of components on {one.title}, with 95% intervals", one.title)


def draw_knock_outs(found: Sequence[KnockOut]) -> Markup:
    """What components are worth to single designs, the largest first."""
    rows = [
        Row(f"{one.component} in {one.design.text}", one.difference, one.low, one.high, one.seen, one.design.href)
        for one in found[:KNOCK_OUTS_DRAWN]
    ]
    return draw_forest(rows, "Worth of knocked-out components in fitness, with 95% intervals")


def draw_forest(rows: Sequence[Row], label: str, title: str = "") -> Markup:
    """For each row its name and numbers, and below them a dot and a line, around a line at 0; empty without rows."""
    if not rows:
        return Markup("")
    bottom = TOP + ROW * len(rows)
    svg = canvas(WIDTH, bottom + 38, label)
    text(svg, 0, 13, title, "heading")
    ends = [value for one in rows for value in (one.effect, one.low, one.high) if value is not None]
    across = linear([0.0, *ends], 10, WIDTH - 10, 0.02)
    for tick in across.ticks():
        x = str(across.at(tick))
        kind = "level" if tick == 0 else "rule"
        add(svg, "line", x1=x, x2=x, y1=str(TOP), y2=str(bottom), **{"class": kind})
        text(svg, float(x), bottom + 15, tick_label(tick, across.ticks()), "tick", anchor="middle")
    text(svg, WIDTH / 2, bottom + 32, "worth, in units of noise and spread", "title", anchor="middle")
    for place, one in enumerate(rows):
        y = TOP + ROW * place + 28
        kind = "certain better" if one.certain and one.effect > 0 else "certain worse" if one.certain else "uncertain"
        within = add(svg, "a", href=one.href) if one.href else svg
        name = text(within, 0, y - 10, shortened(one.name, LABEL), "name haloed")
        add(name, "title").text = one.name
        if one.low is not None and one.high is not None:
            add(
                svg, "line", x1=str(across.at(one.low)), x2=str(across.at(one.high)), y1=f"{y:g}", y2=f"{y:g}",
                **{"class": f"span {kind}"},
            )  # fmt: skip
        add(svg, "circle", cx=str(across.at(one.effect)), cy=f"{y:g}", r="4.2", **{"class": f"estimate {kind}"})
        text(svg, WIDTH, y - 10, _numbers(one), "tick haloed", anchor="end")
    return written(svg)


def _numbers(one: Row) -> str:
    if one.low is None or one.high is None:
        return signed(one.effect)
    return f"{signed(one.effect)} ({signed(one.low)} to {signed(one.high)})"
