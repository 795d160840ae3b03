"""Figures of an imported campaign: curves, scores in the order of the search, and the tree as nested lists."""

from markupsafe import Markup, escape

from flows.report.axes import linear
from flows.report.columns import as_design
from flows.report.drawings import draw_curves
from flows.report.imported import ImportedContents, Published
from flows.report.palette import SERIES
from flows.report.series import Line, thinned
from flows.report.svg import add, canvas, grid, text, written
from flows.report.wording import number

FULL = 3.0  # the highest score that there can be


def with_curves(contents: ImportedContents) -> list[Published]:
    """The designs with a curve that get a colour, best first."""
    return [one for one in contents.gallery if one.curve][: len(SERIES)]


def draw_published_curves(contents: ImportedContents) -> Markup:
    """The training loss of every gallery design, the best ones in colour."""
    top = {one.id: place for place, one in enumerate(with_curves(contents))}
    lines = []
    for one in contents.gallery[::-1]:
        if one.curve:
            role = "top" if one.id in top else "other"
            lines.append(Line(design=as_design(one), role=role, place=top.get(one.id, 0), points=thinned(one.curve)))
    return draw_curves(sorted(lines, key=lambda one: one.role == "top"), width=760) if lines else Markup()


def draw_search(contents: ImportedContents) -> Markup:
    """Every score in the order of ASI-Arch's search, and the best so far."""
    scored = sorted((one for one in contents.designs if one.score is not None), key=lambda one: one.number)
    if not scored:
        return Markup()
    svg = canvas(760, 340, "Score of every design in the order of ASI-Arch's search")
    across = linear([one.number for one in scored], 56, 748, margin=0.02)
    down = linear([one.score or 0.0 for one in scored], 282, 12)
    grid(svg, across, down, ("number of the design in ASI-Arch's search", "ASI-Arch score"), labels=312)
    dots = "".join(f"M{across.at(one.number)} {down.at(one.score or 0.0)}h0" for one in scored)
    add(svg, "path", d=dots, **{"class": "dots"})
    root = next((one for one in scored if one.generation == 0), None)
    if root is not None:
        level = down.at(root.score or 0.0)
        add(svg, "line", x1="56", x2="748", y1=str(level), y2=str(level), **{"class": "level"})
        text(svg, 744, level + 14, f"{root.name}, the root", "tick", anchor="end")
    best, path = -1.0, ""
    for one in scored:
        if (one.score or 0.0) > best:
            best = one.score or 0.0
            x, y = across.at(one.number), down.at(best)
            path += f"H{x}V{y}" if path else f"M{x} {y}"
    add(svg, "path", d=f"{path}H748", **{"class": "best"})
    return written(svg)


def draw_score(score: float) -> Markup:
    """A small bar; a full one is the highest score that there can be."""
    svg = canvas(64, 10, f"{score:.3f} of {FULL:g}")
    svg.set("class", "bar")
    add(svg, "rect", x="0", y="2", width="64", height="6", **{"class": "trough"})
    add(svg, "rect", x="0", y="2", width=str(round(64 * min(1.0, score / FULL), 1)), height="6", **{"class": "filled"})
    return written(svg)


def draw_tree(contents: ImportedContents) -> Markup:
    """The lineage as nested lists that open and close; open down to the best design.

    Written without recursion: a published tree may be as deep as it likes.
    """
    children: dict[str | None, list[Published]] = {}
    known = {one.id: one for one in contents.designs}
    for one in sorted(contents.designs, key=lambda one: (-(one.score or 0.0), one.id)):
        children.setdefault(one.parent if one.parent in known else None, []).append(one)
    opened, at = set[str](), contents.ranking[0].id if contents.ranking else None
    while at is not None:
        opened.add(at)
        at = known[at].parent if at in known else None
    parts = ['<ul class="tree">']
    waiting: list[Published | str] = [*reversed(children.get(None, []))]
    while waiting:
        member = waiting.pop()
        if isinstance(member, str):
            parts.append(member)
        elif below := children.get(member.id):
            is_open = " open" if member.id in opened else ""
            parts.append(f"<li><details{is_open}><summary>{_leaf(member)}</summary><ul>")
            waiting.append("</ul></details></li>")
            waiting += reversed(below)
        else:
            parts.append(f"<li>{_leaf(member)}</li>")
    return Markup("".join([*parts, "</ul>"]))


def _leaf(one: Published) -> str:
    score = "no score" if one.score is None else number(one.score, 3)
    if one.gallery:
        name = f'<a href="#{escape(one.anchor)}">{escape(one.name)}</a>'
    else:
        name = f'<span id="{escape(one.anchor)}">{escape(one.name)}</span>'
    below = f", {one.children} child{'ren' if one.children > 1 else ''}" if one.children else ""
    return f"{name} <b>{score}</b> <small>{escape(one.id)}{below}</small>"
