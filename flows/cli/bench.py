"""``archloop bench``: measurements of the laboratory itself, with their raw results kept as files."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, ScaleName, console_for, print_json
from flows.cli.bench_archdb import archdb
from flows.cli.bench_baselines import baselines
from flows.cli.bench_fidelity import fidelity
from flows.cli.bench_loop import loop
from flows.cli.bench_novelty import novelty
from flows.cli.bench_overhead import overhead
from flows.cli.bench_retrieval import retrieval
from flows.cli.bench_search import search
from flows.cli.bench_table import table
from flows.cli.measured import RESULTS, Into, keep, shown

if TYPE_CHECKING:
    from evaluation import Null, Share

bench = typer.Typer(no_args_is_help=True, help="Measure the laboratory itself; raw results are kept as files.")


bench.command("archdb")(archdb)
bench.command("baselines")(baselines)
bench.command("table")(table)
bench.command("fidelity")(fidelity)
bench.command("novelty")(novelty)
bench.command("loop")(loop)
bench.command("search")(search)
bench.command("overhead")(overhead)
bench.command("retrieval")(retrieval)


@bench.command("null")
def null(
    scale: ScaleName = "nano",
    seeds: Annotated[int, typer.Option(min=2, help="Seeds of the reference and of each of its edits.")] = 15,
    campaigns: Annotated[int, typer.Option(min=1, help="Campaigns to resample from the trainings.")] = 2000,
    designs: Annotated[int, typer.Option(min=1, help="Designs of a campaign.")] = 40,
    confirmation: Annotated[int, typer.Option(min=2, help="Fresh seeds of a confirmation.")] = 5,
    parallel: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 2,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """How often is a design called a breakthrough that is none, and how often is a true gain found?

    Trains the reference and edits of it that change nothing, and resamples campaigns from these trainings.
    """
    from evaluation import NullPlan, null_study, null_trainings
    from tasks.sandbox.jail import jail

    console = console_for(as_json)
    plan = NullPlan(campaigns=campaigns, designs=designs, seeds=confirmation)
    file = into / f"null-{scale}-trainings.jsonl"
    total = len(null_trainings(seeds))
    with shown(console, f"Training at the {scale} scale, then resampling", total) as advance:
        result = null_study(scale, seeds, plan, file, jail(), parallel, advance)
    kept = into / f"null-{scale}.json"
    told = keep({"scale": scale} | result.model_dump(mode="json"), kept)
    if as_json:
        print_json(told)
        return
    for sentence in _told(result):
        console.print(sentence, highlight=False)
    console.print(f"[dim]Kept in {kept}; trainings in {file}.[/]", highlight=False)


def _told(result: "Null") -> list[str]:
    plan = result.plan
    lines = [
        f"{result.trainings} trainings of designs that are equally good; noise of fitness {result.noise:.3f}; "
        f"{plan.campaigns} campaigns of {plan.designs} designs, {plan.seeds} confirmation seeds.",
        f"Campaigns with a false breakthrough: {_share(result.false_campaigns)}.",
        f"Designs called breakthroughs that are none: {_share(result.false_designs)}.",
    ]
    for gain, found in result.power.items():
        lines.append(f"A true gain of {gain} noise units is found: {_share(found)}.")
    return [*lines, "The intervals are of the resampling; other trainings would move the shares further."]


def _share(one: "Share") -> str:
    return f"{one.share:.2%} (95% interval {one.low:.2%} to {one.high:.2%})"
