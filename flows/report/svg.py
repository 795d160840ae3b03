"""Inline SVG as a tree of elements, so that every text and attribute is escaped."""

import xml.etree.ElementTree as ET

from markupsafe import Markup

from flows.report.axes import Axis, tick_label


def canvas(width: float, height: float, label: str) -> ET.Element:
    """An empty drawing; ``label`` is what it shows, for those who cannot see it."""
    return ET.Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": label})


def add(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    """A new element inside another one."""
    return ET.SubElement(parent, tag, attributes)


def text(parent: ET.Element, x: float, y: float, words: str, kind: str, anchor: str = "start") -> ET.Element:
    """Words at a place; ``kind`` is their class in style.css."""
    found = add(parent, "text", x=f"{x:g}", y=f"{y:g}", **{"class": kind, "text-anchor": anchor})
    found.text = words
    return found


def grid(svg: ET.Element, across: Axis, down: Axis, titles: tuple[str, str], labels: float) -> None:
    """Rules, labels and titles of both axes; ``labels`` is the height at which the lower ticks are named."""
    for tick in down.ticks():
        y = down.at(tick)
        add(svg, "line", x1=str(across.start), x2=str(across.end), y1=str(y), y2=str(y), **{"class": "rule"})
        label = f"{tick:g}" if down.logarithmic else tick_label(tick, down.ticks())
        text(svg, across.start - 6, y + 4, label, "tick", anchor="end")
    for tick in across.ticks():
        text(svg, across.at(tick), labels, tick_label(tick, across.ticks()), "tick", anchor="middle")
    text(svg, (across.start + across.end) / 2, labels + 17, titles[0], "title", anchor="middle")
    turned = text(svg, 0, 0, titles[1], "title", anchor="middle")
    turned.set("transform", f"translate(12 {(down.start + down.end) / 2}) rotate(-90)")


def written(svg: ET.Element) -> Markup:
    """The drawing as text for the page."""
    return Markup(ET.tostring(svg, encoding="unicode"))
