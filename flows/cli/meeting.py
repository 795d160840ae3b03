"""``archloop leaderboard --meets``: the designs that a deployment could use, by fitness."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from archdb import Campaign, Store, campaign_outlines
from flows.cli.asked import Refused, console_for, print_json
from flows.cli.tables import readable, summary_of

if TYPE_CHECKING:
    from tasks.limits import Limit, Met


def print_meeting(store: Store, campaign: Campaign, texts: Sequence[str], limit: int, as_json: bool) -> None:
    """Print the designs of a campaign that meet every limit, best first.

    Args:
        store: where.
        campaign: whose.
        texts: limits, as people write them.
        limit: the most rows.
        as_json: for a machine.

    Raises:
        Refused: a text is no limit, or its multiple is of nothing.
    """
    from tasks.domain import domain_of

    limits, met = designs_meeting(store, campaign, texts)
    measures = domain_of(campaign.domain).MEASURES
    if as_json:
        counts = {"met": len(met.designs), "beyond": met.beyond, "unknown": met.unknown}
        rows = [summary_of(campaign, one) for one in met.designs[:limit]]
        limits_told = [{"measure": one.name, "sign": one.sign, "bound": met.bounds[one.name]} for one in limits]
        print_json({"limits": limits_told, **counts, "designs": rows})
        return
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("design", no_wrap=True)
    table.add_column("fitness", justify="right")
    for one in limits:
        bound = f"{one.sign} {readable(met.bounds[one.name])}"
        table.add_column(f"{measures[one.name].title.lower()} ({measures[one.name].unit}) {bound}", justify="right")
    for design in met.designs[:limit]:
        values = (readable(design.efficiency[one.name]) for one in limits)
        table.add_row(design.id, escape(design.name), f"{design.fitness:+.3f}", *values)
    console = console_for()
    console.print(
        f"{len(met.designs)} designs of {campaign.id} meet this, {met.beyond} do not, {met.unknown} lack a number.",
        style="italic",
        highlight=False,
    )
    console.print(table)


def designs_meeting(store: Store, campaign: Campaign, texts: Sequence[str]) -> "tuple[list[Limit], Met]":
    """The designs of a campaign with a fitness that meet every limit, best first, and the limits.

    Raises:
        Refused: a text is no limit, or its multiple is of nothing.
    """
    from tasks.domain import domain_of
    from tasks.limits import limit_of, meeting

    scored = [one for one in campaign_outlines(store, campaign.id) if one.fitness is not None]
    ranked = sorted(scored, key=lambda one: (-(one.fitness or 0.0), one.id))
    try:
        limits = [limit_of(text, domain_of(campaign.domain).MEASURES) for text in texts]
        return limits, meeting(ranked, limits, next((one for one in ranked if "reference" in one.tags), None))
    except ValueError as fault:
        raise Refused(str(fault)) from fault
