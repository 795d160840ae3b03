"""``archloop compare FIRST SECOND``: two campaigns at equal compute."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.asked import AsJson, Refused, console_for, print_json

if TYPE_CHECKING:
    from evaluation import Searches

TITLES = {"above": "above the reference", "median": "median fitness", "top_tenth": "mean of the best tenth"}


def compare(
    first: Annotated[str, typer.Argument(help="A campaign's name.")],
    second: Annotated[str, typer.Argument(help="Another one's, of the same scale and data.")],
    as_json: AsJson = False,
) -> None:
    """Did one campaign find better designs than another for the same compute?

    Both are cut where the cheaper one ended, and scored against the first one's baselines. A failed design counts as
    the worst. Intervals draw whole families of siblings again, where there are ten or more; how differently each search
    could have gone is not in them.
    """
    from archdb import get_campaign, open_store
    from tasks.searches import searches_of

    store = open_store()
    records = [get_campaign(store, one) for one in (first, second)]
    for one in records:
        if one.ranked_by:
            raise Refused(f"Campaign {one.id} was imported and has no fitness: choose two of this laboratory.")
    try:
        found = searches_of(store, *records)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    console = console_for()
    console.print(f"At {found.cpu_seconds / 3600:.2f} CPU-hours at most", style="italic", highlight=False)
    console.print(_table(first, second, found))


def _table(first: str, second: str, found: "Searches") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for header in (first, second, "difference", "95% interval"):
        table.add_column(header, justify="right")
    sides = (found.first, found.second)
    table.add_row("CPU-hours", *(f"{one.cpu_seconds / 3600:.2f}" for one in sides), "", "")
    for name in ("designs", "failures", "families"):
        table.add_row(name, *(str(getattr(one, name)) for one in sides), "", "")
    for name, title in TITLES.items():
        form, apart = (".0%", "+z.0%") if name == "above" else ("+z.2f", "+z.2f")
        between = found.differences.get(name)
        told = _number(between.difference if between else None, apart)
        sure = between is not None and between.low is not None
        interval = f"{_number(between.low, apart)} to {_number(between.high, apart)}" if between and sure else "-"
        table.add_row(title, *(_number(getattr(one, name), form) for one in sides), told, interval)
    table.add_row("best", *(_number(one.best, "+z.2f") for one in sides), "", "")
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
