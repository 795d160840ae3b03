"""``archloop scaling CAMPAIGN``: does discovery grow with compute, and where does the search flatten?"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.asked import AsJson, Given, Named, Refused, console_for, one_campaign, print_json

if TYPE_CHECKING:
    from evaluation import Discovery


class Discoveries(StrEnum):
    """What counts as a discovery."""

    breakthroughs = "breakthroughs"
    above = "above"
    records = "records"
    gallery = "gallery"


def scaling(
    given: Given = None,
    named: Named = None,
    what: Annotated[
        Discoveries | None,
        typer.Option(
            help="What counts as a discovery: verified breakthroughs, designs screened above the best baseline, new "
            "records, or an imported campaign's gallery."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="The picture to write; scaling.png beside the report if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit laws to a campaign's discoveries against compute, compare them, and say where its scores flatten.

    Linear, power, logarithmic and saturating laws are fitted to the moments of discovery and compared by AICc; each is
    held against searches that it simulates, to see whether it fits at all (docs/scaling.md).
    """
    from archdb import get_campaign, open_store
    from evaluation import LEAST_DISCOVERIES, LEAST_SCORES, discovery_law, flattening
    from flows.report.scaling import draw_scaling
    from flows.report_folder import report_folder
    from flows.scaling_words import verdict, what_was_found, where_it_flattens
    from tasks.discoveries import search_of

    campaign = one_campaign(given, named)
    console = console_for(as_json)
    with console.status("Fitting laws"):
        store = open_store()
        try:
            search = search_of(store, get_campaign(store, campaign), what.value if what else None)
        except ValueError as fault:
            raise Refused(str(fault)) from fault
        law = discovery_law(search.moments, search.compute)
        bend = flattening(search.scores) if len(search.scores) >= LEAST_SCORES else None
        file = plot or report_folder(campaign) / "scaling.png"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(draw_scaling(search, law, bend))
        except OSError as fault:
            raise Refused(f"{file} cannot be written ({fault.strerror or fault}): give another path.") from fault
    if as_json:
        found = {"discovery": law.model_dump(mode="json"), "flattening": bend and bend.model_dump(mode="json")}
        print_json(search.model_dump(mode="json") | found | {"plot": str(file)})
        return
    for sentence in what_was_found(search, law, LEAST_DISCOVERIES):
        console.print(sentence, highlight=False, markup=False)
    if law.laws:
        console.print(_table(law, search.unit))
        console.print(verdict(law, search), highlight=False)
    for sentence in where_it_flattens(search, bend, LEAST_SCORES):
        console.print(sentence, highlight=False)
    console.print(f"[dim]Drawn in {file}.[/]", highlight=False, soft_wrap=True)


def _table(law: "Discovery", unit: str) -> Table:
    from flows.scaling_words import COLUMNS, law_rows

    table = Table(title=f"\nLaws, C in {unit}", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in (COLUMNS.law, COLUMNS.formula) else "right")
    for row in law_rows(law):
        table.add_row(*row)
    return table
