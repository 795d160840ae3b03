"""``archloop leaderboard --pareto`` and ``--over``: the designs that no other beats on every axis."""

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from archdb import Better, Campaign, Store, find_outlines, pareto_front
from flows.cli.asked import Refused, console_for, print_json
from flows.cli.meeting import designs_meeting
from flows.cli.tables import summary_of


def print_front(store: Store, campaign: Campaign, costs: bool, limit: int, as_json: bool) -> None:
    """Print a front of a campaign, by its first axis.

    Args:
        store: where.
        campaign: whose.
        costs: fitness against what designs cost, instead of the gains of all objectives.
        limit: the most rows.
        as_json: for a machine.
    """
    from tasks.standing import COSTS, GAINS

    front = pareto_front(store, campaign.id, COSTS if costs else GAINS)
    axes = front.axes if front else {}
    signs = [1.0 if better == "higher" else -1.0 for better in axes.values()]
    members = sorted(front.members if front else (), key=lambda one: (-signs[0] * one.point[0], one.id))
    designs = {one.id: one for one in find_outlines(store, [one.id for one in members[:limit]])}
    if as_json:
        rows = [summary_of(campaign, designs[one.id]) for one in members[:limit] if one.id in designs]
        print_json({"axes": axes, "members": len(members), "designs": rows})
        return
    console = console_for()
    console.print(f"Pareto front of {campaign.id}: {len(members)} designs", style="italic", highlight=False)
    shown = [(one.id, designs[one.id].name if one.id in designs else "", one.point) for one in members[:limit]]
    console.print(_table(campaign, axes, shown))


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
    from tasks.domain import domain_of
    from tasks.trade_offs import axes_of, unbeaten

    domain = domain_of(campaign.domain)
    objectives = domain.objectives_of(campaign.scale)
    try:
        axes = axes_of(names, objectives, domain.MEASURES)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    _, met = designs_meeting(store, campaign, texts)
    front = unbeaten(met.designs, axes)
    if as_json:
        rows = [summary_of(campaign, one) for one, _ in front.members[:limit]]
        counts = {"members": len(front.members), "quadratic": front.quadratic, "unknown": front.unknown}
        print_json({"axes": axes, **counts, "designs": rows})
        return
    console = console_for()
    console.print(
        f"{len(front.members)} designs of {campaign.id} are beaten by none, {front.beaten} are beaten, "
        f"{front.unknown} lack a number, and {front.quadratic} are quadratic, which is not compared.",
        style="italic",
        highlight=False,
    )
    console.print(_table(campaign, axes, [(one.id, one.name, point) for one, point in front.members[:limit]]))


def _table(campaign: Campaign, axes: Mapping[str, Better], rows: Sequence[tuple[str, str, Sequence[float]]]) -> Table:
    """Rows of (id, name, place on each axis)."""
    from tasks.domain import domain_of

    domain = domain_of(campaign.domain)
    titles = {name: f"gain: {one.title}" for name, one in domain.objectives_of(campaign.scale).items()}
    titles |= {name: f"{one.title} ({one.unit})" for name, one in domain.MEASURES.items()}
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("design", no_wrap=True)
    for axis, better in axes.items():
        arrow = "↑" if better == "higher" else "↓"
        table.add_column(f"{titles.get(axis, axis).lower()} {arrow}", justify="right")
    for name, called, place in rows:
        table.add_row(name, escape(called), *(f"{value:.4g}" for value in place))
    return table
