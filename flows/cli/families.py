"""``archloop families CAMPAIGN``: what came of each baseline that the search started from."""

from rich.markup import escape
from rich.table import Table

from flows.cli.asked import AsJson, Given, Named, Refused, console_for, one_campaign, print_json


def families(given: Given = None, named: Named = None, as_json: AsJson = False) -> None:
    """Compare the designs that descend from each baseline: how good, how different, and how often a discovery."""
    from archdb import get_campaign, open_store
    from tasks.discoveries import MEANING
    from tasks.families import families_of

    campaign = one_campaign(given, named)
    store, console = open_store(), console_for(as_json)
    record = get_campaign(store, campaign)
    if record.ranked_by:
        raise Refused(f"Campaign {campaign} was imported and has no baselines of ours: choose one of this laboratory.")
    found = families_of(store, record)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    if not found.families:
        console.print(f"{campaign}: no design has ended yet.", highlight=False)
        return
    chosen = ", ".join(found.chosen) or "all of its baselines that are not quadratic"
    console.print(
        f"{campaign} started from {chosen}. Discoveries are {MEANING[found.what]}.",
        highlight=False,
        markup=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("family", no_wrap=True)
    for header in (
        "its fitness", "designs", "failed", "best", "combinations", "distance", "discoveries", "CPU-hours", "an hour",
        "95% interval",
    ):  # fmt: skip
        table.add_column(header, justify="right")
    for one in found.families:
        table.add_row(
            escape(one.name),
            _number(one.root_fitness, "+z.2f"),
            str(one.designs),
            str(one.failures),
            _number(one.best, "+z.2f"),
            str(one.combinations),
            _number(one.distance, ".2f"),
            str(one.discoveries),
            f"{one.cpu_hours:,.2f}",
            _number(one.rate, ".3g"),
            "-" if one.rate_low is None else f"{one.rate_low:.3g} to {one.rate_high:.3g}",
        )
    console.print(table)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
