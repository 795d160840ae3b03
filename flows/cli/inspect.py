"""Commands that look at what is recorded: status, show, lineage, diff, report."""

import difflib
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table
from rich.tree import Tree

from archdb import (
    REPLAYED,
    Campaign,
    Experiment,
    Outline,
    Store,
    Watch,
    ancestors,
    best_of_branch,
    campaign_experiments,
    descendants,
    find_experiment,
    get_budget,
    get_campaign,
    get_report,
    get_text,
    list_calls,
    next_cycle,
    open_store,
    siblings,
    unfinished_cycles,
    walk_outlines,
)
from flows.cli.ablations import ablations_json, design_table, effect_table
from flows.cli.asked import AsJson, CampaignName, Given, Named, Refused, console_for, one_campaign, print_json
from flows.cli.budget import budget_json, budget_line
from flows.cli.imported import print_results, print_status, standing
from flows.cli.standing import standing_json, standing_lines
from flows.cli.tables import calls_table, efficiency_table, experiments_table, repeats_of, summary_of

ExperimentName = Annotated[str, typer.Argument(help="An experiment: its id, its cycle's number, or a design's name.")]


def status(
    given: Given = None,
    named: Named = None,
    limit: Annotated[int, typer.Option(min=1, help="The most cycles to show: the last ones.")] = 100,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the baselines and the last cycles of a campaign, what is in flight, and what is spent of its budget."""
    campaign = one_campaign(given, named)
    store, console = open_store(), console_for()
    record, budget = get_campaign(store, campaign), get_budget(store, campaign)
    last = next_cycle(store, campaign) - 1
    finished = last - len(unfinished_cycles(store, campaign))
    imported = campaign_experiments(store, campaign) if record.ranked_by else []
    designs: Sequence[Outline] = imported or list(walk_outlines(store, campaign, max(0, last - limit)))
    if as_json:
        shown = [summary_of(record, one) for one in designs]
        told = {"campaign": record.id, "finished": finished, "budget": budget_json(budget)}
        print_json(told | standing_json(store, record) | {"experiments": shown})
        return
    if record.ranked_by:
        print_status(console, record, imported)
        return
    console.print(
        f"{record.id}: {record.scale} scale, {record.provider} provider, {record.dataset}, "
        f"{finished} of {record.cycles} cycles",
        highlight=False,
    )
    console.print(f"Budget: {budget_line(budget)}", highlight=False)
    for line in standing_lines(store, record):
        console.print(f"[yellow]{escape(line)}[/]", highlight=False, soft_wrap=True)
    console.print(experiments_table(designs))
    if last > limit:
        console.print(f"[dim]The last {limit} of {last} cycles: --limit shows more.[/]", highlight=False)
    if watch:
        from rich.live import Live

        from flows.cli.live import draw, take_snapshot
        from tasks.domain import domain_of

        objectives, watched = domain_of(record.domain).objectives_of(record.scale), Watch(campaign)
        with Live(console=console, refresh_per_second=2) as live:
            while True:
                live.update(draw(take_snapshot(watched, 1, 0), objectives, "archloop up", record.created_at))
                time.sleep(1)


def show(experiment: ExperimentName, campaign: CampaignName = "default", as_json: AsJson = False) -> None:
    """Show one experiment: why it was proposed, how it did, what was learned, its stages and its code."""
    store, console = open_store(), console_for()
    one = find_experiment(store, experiment, campaign)
    record = get_campaign(store, one.campaign)
    if as_json:
        code = get_text(store, one.code) if one.code else None
        stages = [stage.model_dump() for stage in one.stages.values()]
        calls = [call.model_dump(exclude={"attempts"}) for call in list_calls(store, one.id)]
        besides = {"ablations": ablations_json(store, one), "stages": stages, "model_calls": calls, "code": code}
        print_json(summary_of(record, one) | besides)
        return
    console.print(f"[bold]{escape(one.name)}[/]  {one.id}  {one.kind}, {one.state}", highlight=False)
    last = "Summary" if one.kind == "imported" else "Analysis"
    for title, digest in (("Motivation", one.motivation), (last, one.analysis)):
        if digest:
            console.print(f"\n[bold]{title}[/]")
            console.print(Markdown(get_text(store, digest)))
    for told in repeats_of(one):
        console.print(f"\n[yellow]{escape(told)}[/]", highlight=False)
    if one.failure:
        console.print(
            f"\n[red]Failed in {one.failure.stage}[/]: {escape(one.failure.message)} {escape(one.failure.remedy)}"
        )
    if one.kind == "imported":
        print_results(console, store, one)
    else:
        console.print(_numbers(one))
        for effects in (design_table(store, one), effect_table(store, one)):
            if effects is not None:
                console.print(effects)
        _print_efficiency(store, console, record, one)
        console.print(_stages(store, one))
        asked = calls_table(list_calls(store, one.id))
        if asked is not None:
            console.print(asked)
    if one.code:
        console.print(Syntax(get_text(store, one.code), "python", theme="ansi_light"))


def _numbers(one: Experiment) -> Table:
    table = Table(title="\nScores", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("objective", "value", "gain in units"):
        table.add_column(name, justify="left" if name == "objective" else "right")
    for name, value in one.objectives.items():
        gain = one.gains.get(name)
        table.add_row(name, f"{value:.4f}", "" if gain is None else f"{gain:+.3f}")
    if one.fitness is not None:
        table.add_row("fitness", f"{one.fitness:+.3f}", "")
    return table


def _print_efficiency(store: Store, console: Console, campaign: Campaign, one: Experiment) -> None:
    from tasks.domain import domain_of

    measures = domain_of(campaign.domain).MEASURES
    table = efficiency_table(one, measures)
    if table is not None:
        console.print(table)
    stage = next((found for seed in one.seeds if (found := one.stage("benchmark", seed=seed))), None)
    report = get_report(store, stage.report)["body"] if stage is not None and stage.report else {}
    absent = (report.get("efficiency") or {}).get("absent", {})
    for why in dict.fromkeys(absent.values()):
        names = [measures[name].title.lower() for name, reason in absent.items() if reason == why and name in measures]
        console.print(f"[dim]Not measured: {', '.join(names)}. {escape(why)}[/]", highlight=False)


def _stages(store: Store, one: Experiment) -> Table:
    table = Table(title="\nStages", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("stage", "attempt", "seed", "seconds", "outcome", "Prefect flow run"):
        table.add_column(name)
    for stage in sorted(one.stages.values(), key=lambda stage: stage.started_at):
        outcome = f"{stage.failure.kind}: {stage.failure.message}" if stage.failure else "ok"
        if stage.stage == "compile-check" and stage.report and not stage.failure:
            outcome = f"{len(get_report(store, stage.report)['body']['verdicts'])} properties checked"
        if stage.summary.get(REPLAYED):
            outcome += " (from the cassette)"
        seed = "" if stage.seed is None else str(stage.seed)
        table.add_row(
            stage.stage, str(stage.attempt), seed, f"{stage.seconds:.1f}", escape(outcome), stage.flow_run or ""
        )
    return table


def lineage(
    experiment: ExperimentName,
    campaign: CampaignName = "default",
    limit: Annotated[int, typer.Option(min=1, help="The most descendants, and the most siblings, to show.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Show an experiment's ancestors, itself and its descendants as a tree, its siblings and the best of its branch."""
    store = open_store()
    one = find_experiment(store, experiment, campaign)
    up, down = ancestors(store, one), descendants(store, one, limit)
    beside = [other for other in siblings(store, one, limit) if other.kind == one.kind or other.kind != "ablation"]
    best = best_of_branch(store, one)
    if as_json:
        names = {
            "ancestors": [a.id for a in up],
            "id": one.id,
            "descendants": [d.id for d in down],
            "siblings": [s.id for s in beside],
            "best_of_branch": best.id if best else None,
        }
        print_json(names)
        return
    root = Tree(_leaf(up[0] if up else one, one.id))
    branch = root
    for step in [*up[1:], one] if up else []:
        branch = branch.add(_leaf(step, one.id))
    branches = {one.id: branch}
    for child in down:
        branches[child.id] = branches.get(child.parents[0], branch).add(_leaf(child, one.id))
    console = console_for()
    console.print(root)
    if len(down) >= limit:
        console.print(f"[dim]The first {len(down)} descendants: --limit shows more.[/]", highlight=False)
    if beside:
        console.print(f"Siblings: {', '.join(other.id for other in beside)}", highlight=False, markup=False)
    if best is not None and best.id != one.id:
        console.print(f"Best of this branch: {_leaf(best, '')}", highlight=False)


def _leaf(one: Outline, marked: str) -> str:
    name = f"[bold]{escape(one.name)}[/]" if one.id == marked else escape(one.name)
    return f"{one.id}  {name}  {standing(one)}"


def diff(
    experiment: ExperimentName,
    other: Annotated[str | None, typer.Argument(help="Another experiment; its first parent if left out.")] = None,
    campaign: CampaignName = "default",
) -> None:
    """Show what a design changed against its parent, or against another design."""
    store = open_store()
    one = find_experiment(store, experiment, campaign)
    if other is None and not one.parents:
        raise Refused(f"{one.id} has no parent to compare with: name a second experiment.")
    base = find_experiment(store, other or one.parents[0], campaign)
    for side in (base, one):
        if side.code is None and side.kind == "imported":
            raise Refused(
                f"{side.id} was imported without a program: import a clone of ASI-Arch, which has the programs of 106 "
                "designs, or compare designs that have one."
            )
        if side.code is None:
            raise Refused(f"{side.id} has no code yet: wait for its codegen stage.")
    old, new = (get_text(store, side.code or "").splitlines() for side in (base, one))
    told = "\n".join(difflib.unified_diff(old, new, f"{base.id} {base.name}", f"{one.id} {one.name}", lineterm=""))
    console_for().print(Syntax(told or "The two files are the same.", "diff", theme="ansi_light"))


def report(given: Given = None, named: Named = None) -> None:
    """Write the campaign's report anew and print its path."""
    from flows.report import write_report

    store = open_store()
    print(write_report(store, get_campaign(store, one_campaign(given, named))))
