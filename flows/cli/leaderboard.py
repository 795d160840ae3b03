"""``archloop leaderboard``: designs by fitness, on a Pareto front, or within limits."""

from typing import Annotated

import typer

from archdb import get_campaign, open_store, ranked_by_score
from archdb import leaderboard as best_designs
from flows.cli.asked import AsJson, Given, Named, Refused, console_for, one_campaign, print_json
from flows.cli.imported import print_ranking
from flows.cli.tables import leaderboard_table, summary_of


def leaderboard(
    given: Given = None,
    named: Named = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show.")] = 20,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="Only designs that no other beats in every objective's gain.")
    ] = False,
    costs: Annotated[
        bool, typer.Option("--costs", help="With --pareto: in fitness, latency and memory instead of the gains.")
    ] = False,
    meets: Annotated[
        list[str] | None,
        typer.Option(
            help="Only designs within this limit of a deployment, such as state_bytes_per_layer<=64kB or "
            "prefill_seconds<=1.1x (times the reference's); repeat for several.",
            metavar="LIMIT",
        ),
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="Only designs that no other beats over these axes: fitness, an objective, or a measure such as "
            "decode_seconds, state_bytes_per_layer or energy_joules_per_token; repeat for each.",
            metavar="AXIS",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank the designs of a campaign by fitness, beside the baselines; imported ones by the scores they came with."""
    campaign = one_campaign(given, named)
    if costs and not pareto:
        raise Refused("--costs chooses the axes of the Pareto front: add --pareto.")
    if pareto and (meets or over):
        raise Refused("--pareto has axes of its own: name those that you mean with --over, and limits with --meets.")
    store = open_store()
    record = get_campaign(store, campaign)
    if over:
        from flows.cli.pareto import print_trade_offs

        print_trade_offs(store, record, over, meets or [], limit, as_json)
        return
    if meets:
        from flows.cli.meeting import print_meeting

        print_meeting(store, record, meets, limit, as_json)
        return
    if pareto:
        from flows.cli.pareto import print_front

        print_front(store, record, costs, limit, as_json)
        return
    if record.ranked_by:
        imported = ranked_by_score(store, campaign, record.ranked_by, limit)
        if as_json:
            print_json([summary_of(record, one) for one in imported])
        else:
            print_ranking(console_for(), record, imported)
        return
    ranked = best_designs(store, campaign, limit)
    if as_json:
        print_json([summary_of(record, one) for one in ranked])
        return
    from tasks.domain import domain_of

    objectives = domain_of(record.domain).objectives_of(record.scale)
    console_for().print(leaderboard_table(ranked, objectives, f"Leaderboard of {campaign} ({record.scale} scale)"))
