"""The numbers behind each figure, unrounded, as tables: CSV files beside the page, and JSON within it."""

import csv
import io
from collections.abc import Mapping

from evaluation import PopulationEffect
from flows.report.contents import Contents, Design, Part, readable
from flows.report.series import lines_by_task
from flows.report.whole.contents import Whole

Cell = str | int | float | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a text that begins so


class Table(Part):
    """Columns by name, and rows; None is an empty cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables_of(contents: Contents, whole: Whole) -> dict[str, Table]:
    """The tables that the page carries, by name; those without rows are left out."""
    effects = [(one.name, effect) for one in whole.effects for effect in (*one.found.marginal, *one.found.pairwise)]
    families = whole.families.families if whole.families else ()
    found = {
        "designs": _designs(contents, whole),
        "components": Table(
            columns=("objective", "choice", "with", "effect", "low", "high", "certain", "families"),
            rows=tuple((name, *_effect(one)) for name, one in effects),
        ),
        "ablations": Table(
            columns=("experiment", "component", "design", "worth", "low", "high", "seeds"),
            rows=tuple(
                (one.experiment, one.component, one.design.text, one.difference, one.low, one.high, one.seeds)
                for one in whole.knock_outs
            ),
        ),
        "families": Table(
            columns=("family", "root", "cpu_hours", "best_so_far"),
            rows=tuple((one.name, one.root, hours, best) for one in families for hours, best in one.curve),
        ),
        "scaling": _growth(whole),
        "provenance": Table(
            columns=("id", "kind", "title", "shown", "used", "scored", "mean_step", "mean_fitness", "best_fitness"),
            rows=tuple(
                (one.id, one.kind, one.link.text, one.shown, one.used, one.scored, one.step, one.mean, one.best)
                for one in whole.sources
            ),
        ),
        "failures": Table(columns=("stage", "kind", "designs"), rows=contents.kinds_of_failure),
    }
    return {name: table for name, table in found.items() if table.rows}


def csv_files(contents: Contents, tables: Mapping[str, Table]) -> dict[str, bytes]:
    """File name -> CSV: the tables of the page, and the curves, which are too long for it."""
    losses = Table(
        columns=("task", "design", "step", "loss"),
        rows=tuple(
            (task, line.design.id, step, loss)
            for task, lines in lines_by_task(contents).items()
            for line in lines
            for step, loss in line.points
        ),
    )
    return {f"{name}.csv": _csv(one) for name, one in {**tables, "losses": losses}.items() if one.rows}


def _csv(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return text.getvalue().encode()


def _cell(value: Cell) -> Cell:
    """The value, with an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _effect(one: PopulationEffect) -> tuple[Cell, ...]:
    first, second = (*map(readable, one.choices), None)[:2]
    return first, second, one.effect, one.low, one.high, int(one.certain), one.families


def _growth(whole: Whole) -> Table:
    moments = sorted(whole.growth.search.moments) if whole.growth else []
    unit = whole.growth.search.unit if whole.growth else ""
    return Table(columns=(unit, "discoveries"), rows=tuple((at, count) for count, at in enumerate(moments, start=1)))


def _designs(contents: Contents, whole: Whole) -> Table:
    """Every design that the page shows, in its order: where it stands in the lineage, what it scored and cost."""
    axes = [one.key for one in whole.trades.axes]
    values = dict(whole.trades.designs)
    objectives = [one.name for one in contents.yardsticks]
    ended = {one.design.id: (place, one) for place, one in enumerate(contents.progress, start=1)}

    def row(one: Design) -> tuple[Cell, ...]:
        place, point = ended.get(one.id, (None, None))
        known = values.get(one.id, {"cpu_seconds": one.cpu_seconds})
        return (
            one.id, one.name, one.kind, one.cycle, one.parent, one.rank, int(one.reference), int(one.quadratic),
            one.failure.kind if one.failure else None, place, point.cpu_seconds if point else None,
            point.best if point else None,
            *(one.scores[name].value if name in one.scores else None for name in objectives),
            *(known.get(key) for key in axes),
        )  # fmt: skip

    columns = (
        "id", "name", "kind", "cycle", "parent", "rank", "reference", "quadratic", "failure", "ended_as",
        "cpu_seconds_until_then", "best_until_then", *objectives, *axes,
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(row(one) for one in contents.designs))
