"""What the templates of the whole are filled with, and what the page carries of it: drawings and tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from archdb import FITNESS
from evaluation import CLAIM
from flows.report.contents import Contents
from flows.report.packed import pack
from flows.report.whole.contents import KNOCK_OUTS_DRAWN, Whole
from flows.report.whole.curves import draw_failures, draw_families, draw_growth, family_class
from flows.report.whole.forest import draw_effects, draw_knock_outs
from flows.report.whole.pictures import default_axes, picture_names
from flows.report.whole.tables import Table
from flows.scaling_words import COLUMNS
from tasks.discoveries import MEANING
from tasks.limits import FORM, TIMES, UNITS

FIGURES = (  # title, name of its PNG, table that it is a view of
    ("Leaderboard", "leaderboard", "designs"), ("Lineage", "lineage", "designs"), ("Progress", "progress", "designs"),
    ("Trade-offs", "pareto", "designs"), ("Components", "components", "components"),
    ("Knock-outs", "ablations", "ablations"), ("By family", "families", "families"),
    ("Scaling of discovery", "scaling", "scaling"), ("Failures", "failures", "failures"),
)  # fmt: skip
ROWS = {"sources": 30, "effects": 20, "knock_outs": 60}  # of a table; its CSV has all


def shown_whole(contents: Contents, whole: Whole, tables: Mapping[str, Table]) -> dict[str, Any]:
    """The variables of the templates beside the contents themselves."""
    forests = [(one, draw_effects(one)) for one in whole.effects if one.drawn]
    return {
        "whole": whole,
        "tables": tables,
        "forests": [(one, drawing) for one, drawing in forests if one.certain or one.name == FITNESS],
        "nothing_certain": [(one, drawing) for one, drawing in forests if not one.certain and one.name != FITNESS],
        "knock_out_drawing": draw_knock_outs(whole.knock_outs),
        "family_drawing": draw_families(whole.families) if whole.families else "",
        "family_class": family_class,
        "growth_drawing": draw_growth(whole.growth) if whole.growth else "",
        "failure_drawing": draw_failures(contents.kinds_of_failure),
        "most": {**ROWS, "drawn_knock_outs": KNOCK_OUTS_DRAWN},
        "links": {one.id: one for one in contents.designs},
        "law_columns": COLUMNS,
        "meaning": MEANING,
        "axes_shown": default_axes(whole.trades) if whole.trades.axes else (),
        "figures_kept": figures_kept(contents, whole, tables),
    }


def figures_kept(contents: Contents, whole: Whole, tables: Mapping[str, Table]) -> list[tuple[str, str, str]]:
    """(title, name of its PNG, name of its CSV) of every figure that there is; a name is empty where there is none."""
    drawn = picture_names(contents, whole)
    losses = "losses" if any(one.curves for one in contents.designs) else ""
    found = [(title, name, table if table in tables else "") for title, name, table in FIGURES if name in drawn]
    found.insert(1, ("Learning curves", "losses", losses))
    if "provenance" in tables:
        found.append(("What was read", "", "provenance"))
    return found


def packed_whole(whole: Whole, tables: Mapping[str, Table]) -> Iterator[tuple[str, Markup]]:
    """(name, packed) of every table, and of what scripts/pareto.js needs besides: axes, and the words of limits."""
    for name, table in tables.items():
        yield f"table-{name}", pack(table.model_dump())
    if whole.trades.designs:
        limits = {"form": FORM.pattern, "units": dict(UNITS), "times": TIMES, "claim": CLAIM}
        yield "trade-offs", pack({"axes": [one.model_dump() for one in whole.trades.axes], "limits": limits})
