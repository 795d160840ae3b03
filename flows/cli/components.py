"""``archloop components CAMPAIGN``: which choices, and which pairs of them, matter for what."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.asked import AsJson, Given, Named, Refused, console_for, one_campaign, print_json

MOST = 8  # rows of each kind and objective


def components(
    given: Given = None,
    named: Named = None,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Also the largest effects whose intervals include 0.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Estimate what choices, and pairs of them beyond each alone, are worth, from siblings alone (docs/components.md).

    In units of noise and spread, on fitness and on the gain in each objective, with intervals that hold together.
    """
    from archdb import FITNESS, get_campaign, open_store
    from tasks.domain import domain_of
    from tasks.population_effects import effects_of

    campaign = one_campaign(given, named)
    store, console = open_store(), console_for(as_json)
    record = get_campaign(store, campaign)
    if record.ranked_by:
        raise Refused(
            f"Campaign {campaign} was imported: its designs do not name components. Choose one of this store."
        )
    found = effects_of(store, record)
    if as_json:
        print_json({name: one.model_dump(mode="json") for name, one in found.items()})
        return
    titles = {name: one.title for name, one in domain_of(record.domain).objectives_of(record.scale).items()}
    for name, one in found.items():
        title = titles.get(name, "Fitness" if name == FITNESS else name)
        if one.why_none:
            console.print(f"{title}: nothing can be estimated. {one.why_none}", highlight=False)
            continue
        effects = [*one.marginal, *one.pairwise]
        certain = [effect for effect in effects if effect.certain]
        console.print(
            f"[bold]{escape(title)}[/]: {len(certain)} of {len(effects)} effects are certain, from {one.designs} "
            f"designs of {one.families} parents.",
            highlight=False,
        )
        shown = certain if not uncertain else [*one.marginal[:MOST], *one.pairwise[:MOST]]
        if not shown:
            continue
        table = Table(box=None, pad_edge=False, header_style="bold")
        for header in ("choices", "effect", "95% interval, all at once", "families"):
            table.add_column(header, justify="left" if header == "choices" else "right")
        for effect in shown:
            interval = f"{effect.low:+.2f} to {effect.high:+.2f}"
            choices = escape(" with ".join(effect.choices))
            style = "" if effect.certain else "dim"
            table.add_row(choices, f"{effect.effect:+.2f}", interval, str(effect.families), style=style)
        console.print(table)
