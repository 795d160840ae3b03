"""``archloop evaluate FILE``: anyone's single file, trained and compared with the baselines."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.cli.asked import AsJson, CampaignName, DesignFile, Refused, ScaleName, console_for, print_json, read_design
from flows.cli.budget import CpuHours, GpuHours, caps_asked


def evaluate(
    file: DesignFile,
    campaign: CampaignName = "default",
    scale: ScaleName = "nano",
    seeds: Annotated[int, typer.Option(min=1, max=32, help="How many seeds to train; three or more tell more.")] = 1,
    parallel: Annotated[int, typer.Option(min=1, help="How many baselines are trained at a time.")] = 2,
    max_cpu_hours: CpuHours = None,
    max_gpu_hours: GpuHours = None,
    as_json: AsJson = False,
) -> None:
    """Check, train and benchmark a design against the baselines, and say whether it is better, with the noise.

    The baselines are trained first if the campaign lacks them. The result is kept in the campaign.
    """
    source = read_design(file)
    from flows.cli.run import checked_settings, interruptible, start

    console = console_for(as_json)
    wanted = checked_settings(campaign, 0, scale, "grammar", 0)
    caps = caps_asked(max_cpu_hours, max_gpu_hours)
    with console.status("Starting the store and the Prefect server"):
        address = start()
        from archdb import NotFound, get_campaign, open_campaign, open_store, set_caps
        from flows.evaluate_file import evaluate_file, file_id
        from flows.imported_parents import refuse_imported

        try:
            known = get_campaign(open_store(), campaign)
        except NotFound:
            known = open_campaign(open_store(), wanted)
    refuse_imported(known)
    if known.scale != scale:
        raise Refused(
            f"Campaign {campaign} is at the {known.scale} scale, not {scale}: add --scale {known.scale}, or "
            "--campaign NAME for another campaign."
        )
    set_caps(open_store(), known.id, caps)
    from flows.cli.live import Display
    from flows.wanted_baselines import baseline_trainings
    from tasks.domain import domain_of

    objectives, trainings = domain_of(known.domain).objectives_of(known.scale), baseline_trainings(known) + seeds
    with interruptible(), Display(console, campaign, parallel, objectives, trainings, address):
        evaluate_file(campaign, source, file.stem, seeds, parallel)
    told = _tell(console, campaign, file_id(campaign, source, seeds), as_json)
    if as_json:
        print_json(told)
    if told["state"] == "failed":
        raise typer.Exit(1)


def _tell(console: Console, campaign: str, experiment_id: str, as_json: bool) -> dict[str, Any]:
    from archdb import baselines, get_campaign, get_experiment, open_store
    from flows.cli.tables import efficiency_table, leaderboard_table, summary_of
    from flows.evaluate_file import compare_with_reference
    from tasks.domain import domain_of

    store = open_store()
    record, one = get_campaign(store, campaign), get_experiment(store, experiment_id)
    if one.failure is not None:
        told = f"{one.failure.message} {one.failure.remedy}"
        console.print(f"[red]{escape(one.name)} failed in {one.failure.stage}[/]: {escape(told)}", highlight=False)
        return summary_of(record, one)
    comparison = compare_with_reference(record, one)
    if not as_json:
        objectives = domain_of(record.domain).objectives_of(record.scale)
        shown = [other for other in [*baselines(store, campaign), one] if other.fitness is not None]
        shown.sort(key=lambda other: -(other.fitness or 0.0))
        console.print(leaderboard_table(shown, objectives, f"{one.name} beside the baselines ({record.scale} scale)"))
        table = Table(
            title="\nAgainst the reference", title_justify="left", box=None, header_style="bold", pad_edge=False
        )
        for name in ("objective", "difference", "95% interval", "verdict"):
            table.add_column(name)
        for name, found in comparison.objectives.items():
            table.add_row(
                f"{objectives[name].title} ({objectives[name].unit})",
                f"{found.difference:+.4f}",
                f"{found.low:+.4f} to {found.high:+.4f}",
                found.verdict,
            )
        console.print(table)
        reference = next((other for other in shown if "reference" in other.tags and other.id != one.id), None)
        costs = efficiency_table(one, domain_of(record.domain).MEASURES, reference)
        if costs is not None:
            console.print(costs)
        console.print(f"\n{comparison.sentence}", markup=False, highlight=False, soft_wrap=True)
    return summary_of(record, one) | {"comparison": comparison.model_dump(mode="json")}
