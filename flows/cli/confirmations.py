"""``archloop confirmations CAMPAIGN``: what its tests on fresh seeds said, objective by objective."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from flows.cli.asked import AsJson, Given, Named, Refused, console_for, one_campaign, print_json

if TYPE_CHECKING:
    from tasks.confirmed import Margin, Tested


def confirmations(given: Given = None, named: Named = None, as_json: AsJson = False) -> None:
    """Show a campaign's tests on fresh seeds, objective by objective, against baseline and reference.

    A verdict rests on the mean in fitness alone. Intervals of single objectives are 95% each, not corrected for their
    number. Positive is better everywhere.
    """
    from archdb import get_campaign, open_store
    from tasks.confirmed import confirmations_of

    campaign = one_campaign(given, named)
    store, console = open_store(), console_for(as_json)
    record = get_campaign(store, campaign)
    if record.ranked_by:
        raise Refused(f"Campaign {campaign} was imported and was not tested here: choose one of this laboratory.")
    found = confirmations_of(store, record)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    if not found:
        console.print(
            f"No design of {campaign} was tested on fresh seeds yet: archloop verify ID, or "
            f"archloop promote {campaign}.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        return
    console.print(_verdicts(found))
    for one in found:
        console.print(_objectives(one))


def _verdicts(found: "tuple[Tested, ...]") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="Tests on fresh seeds", title_justify="left")
    table.add_column("design", no_wrap=True)
    table.add_column("against", no_wrap=True)
    for header in ("seeds", "fitness over it", "95% interval", "p", "level", "finds 4 in 5"):
        table.add_column(header, justify="right")
    table.add_column("")
    for one in found:
        table.add_row(
            escape(one.experiment),
            escape(one.baseline),
            str(one.seeds),
            f"{one.fitness.difference:+.2f}",
            f"{one.fitness.low:+.2f} to {one.fitness.high:+.2f}",
            f"{one.p:.3g}",
            f"{one.level:.2g}",
            f"{one.smallest_found:+.2f}",
            "" if not one.breakthrough else "breakthrough, promoted" if one.promoted else "breakthrough",
        )
    return table


def _objectives(one: "Tested") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = f"\n{escape(one.experiment)} {escape(one.name)}"
    table.add_column("objective")
    for header in ("value", f"over {one.baseline}", "95% interval", "over the reference", "95% interval"):
        table.add_column(header, justify="right")
    for each in one.objectives:
        table.add_row(
            escape(each.title), f"{each.value:.4f}", *_cells(each.over_baseline), *_cells(each.over_reference)
        )
    return table


def _cells(one: "Margin") -> tuple[str, str]:
    return f"{one.difference:+.4f}", f"{one.low:+.4f} to {one.high:+.4f}"
