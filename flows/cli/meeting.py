"""``archloop leaderboard --meets`` and ``--over``: the designs that a deployment could use, and what they trade off."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from archdb import Campaign, Store, campaign_outlines
from flows.cli.asked import Refused, console_for, print_json
from flows.cli.tables import readable, summary_of

if TYPE_CHECKING:
    from tasks.domain import Domain
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
    limits, met = _meeting(store, campaign, texts)
    measures = _domain(campaign).MEASURES
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


def print_trade_offs(
    store: Store, campaign: Campaign, names: Sequence[str], texts: Sequence[str], limit: int, as_json: bool
) -> None:
    """Print the Pareto front over the named axes, of the designs of a campaign that meet every limit.

    Args:
        store: where.
        campaign: whose.
        names: of the axes: fitness, objectives and entries of efficiency.
        texts: limits, as people write them; none for all designs.
        limit: the most rows.
        as_json: for a machine.

    Raises:
        Refused: a name is no axis, a text is no limit, or its multiple is of nothing.
    """
    from tasks.trade_offs import axes_of, unbeaten

    domain = _domain(campaign)
    objectives = domain.objectives_of(campaign.scale)
    try:
        axes = axes_of(names, objectives, domain.MEASURES)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    _, met = _meeting(store, campaign, texts)
    front = unbeaten(met.designs, axes)
    if as_json:
        rows = [summary_of(campaign, one) for one, _ in front.members[:limit]]
        print_json({"axes": axes, "members": len(front.members), "unknown": front.unknown, "designs": rows})
        return
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("design", no_wrap=True)
    titles = {name: f"gain: {one.title}" for name, one in objectives.items()}
    titles |= {name: f"{one.title} ({one.unit})" for name, one in domain.MEASURES.items()}
    for axis, better in axes.items():
        arrow = "↑" if better == "higher" else "↓"
        table.add_column(f"{titles.get(axis, axis).lower()} {arrow}", justify="right")
    for design, point in front.members[:limit]:
        table.add_row(design.id, escape(design.name), *(f"{value:.4g}" for value in point))
    console = console_for()
    console.print(
        f"{len(front.members)} designs of {campaign.id} are beaten by none, {front.beaten} are beaten, "
        f"{front.unknown} lack a number.",
        style="italic",
        highlight=False,
    )
    console.print(table)


def _meeting(store: Store, campaign: Campaign, texts: Sequence[str]) -> "tuple[list[Limit], Met]":
    """The designs with a fitness that meet every limit, best first."""
    from tasks.limits import limit_of, meeting

    scored = [one for one in campaign_outlines(store, campaign.id) if one.fitness is not None]
    ranked = sorted(scored, key=lambda one: (-(one.fitness or 0.0), one.id))
    try:
        limits = [limit_of(text, _domain(campaign).MEASURES) for text in texts]
        return limits, meeting(ranked, limits, next((one for one in ranked if "reference" in one.tags), None))
    except ValueError as fault:
        raise Refused(str(fault)) from fault


def _domain(campaign: Campaign) -> "Domain":
    from tasks.domain import domain_of

    return domain_of(campaign.domain)
