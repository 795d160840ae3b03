"""``archloop promote CAMPAIGN``: its best designs at a larger scale."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.cli.asked import AsJson, Refused, console_for, print_json
from flows.cli.budget import CpuHours, GpuHours, caps_asked

if TYPE_CHECKING:
    from flows.promote import Promotion


def promote(
    campaign: Annotated[str, typer.Argument(help="The campaign whose designs are promoted.")],
    scale: Annotated[str, typer.Option(help="The larger scale: see evaluation/scales/.")] = "micro",
    into: Annotated[str, typer.Option(help="The campaign at that scale; CAMPAIGN-SCALE if not given.")] = "",
    top: Annotated[int, typer.Option(min=1, help="How many designs are trained there, the fittest first.")] = 6,
    keep: Annotated[int, typer.Option(min=0, help="How many of these are verified on fresh seeds.")] = 3,
    seeds: Annotated[int, typer.Option(min=2, max=32, help="Fresh seeds of a verification.")] = 3,
    parallel: Annotated[int, typer.Option(min=1, help="How many designs are trained at a time.")] = 2,
    max_cpu_hours: CpuHours = None,
    max_gpu_hours: GpuHours = None,
    as_json: AsJson = False,
) -> None:
    """Train a campaign's best designs at a larger scale, and verify the best of them there on fresh seeds.

    Successive halving over scales. The larger scale's baselines are trained first. Stopped or killed, the same command
    goes on. The caps are those of the campaign at the larger scale.
    """
    from flows.cli.run import interruptible, start

    console = console_for(as_json)
    caps = caps_asked(max_cpu_hours, max_gpu_hours)
    with console.status("Starting the store and the Prefect server"):
        address = start()
        from archdb import get_campaign, open_campaign, open_store, set_caps
        from flows.promote import finalists, larger
        from flows.promote import promote as promote_flow
        from flows.wanted_baselines import baseline_trainings
        from tasks.domain import domain_of

        below = get_campaign(open_store(), campaign)
        try:
            finalists(open_store(), below, scale, top)
            wanted = larger(below, scale, into)
        except ValueError as fault:
            raise Refused(str(fault)) from fault
        record = open_campaign(open_store(), wanted)
        set_caps(open_store(), record.id, caps)
    from flows.cli.live import Display

    objectives, trainings = domain_of(record.domain).objectives_of(record.scale), baseline_trainings(record) + top
    with interruptible(), Display(console, record.id, parallel, objectives, trainings, address):
        found = promote_flow(campaign, scale, record.id, top, keep, seeds, parallel)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _tell(console, campaign, found)


def _tell(console: Console, campaign: str, found: "Promotion") -> None:
    table = Table(title=f"From {campaign} to {found.scale}", title_justify="left", box=None, header_style="bold")
    for name in ("design", f"fitness in {campaign}", f"fitness at {found.scale}"):
        table.add_column(name)
    for one in found.finalists:
        without = "failed" if one.state == "failed" else "not finished"
        above = without if one.fitness_above is None else f"{one.fitness_above:+.3f}"
        table.add_row(escape(one.name), f"{one.fitness_below:+.3f}", above)
    console.print(table)
    if found.rank_correlation is not None:
        console.print(f"Rank correlation of both: {found.rank_correlation:+.2f}, of {len(found.finalists)} designs.")
    for one in found.finalists:
        if one.verdict:
            console.print(one.verdict, markup=False, highlight=False, soft_wrap=True)
