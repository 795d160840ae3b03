"""``archloop bench baselines``: the whole panel over several seeds, beside what papers report."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from flows.cli.asked import AsJson, Refused, ScaleName, console_for, print_json
from flows.cli.measured import RESULTS, Into, keep, shown

if TYPE_CHECKING:
    from evaluation import BaselineBench, Ordering


def baselines(
    scale: ScaleName = "micro",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each baseline, from 1.")] = 5,
    baseline: Annotated[
        list[str] | None, typer.Option(help="Only this one; repeat for several. All, if absent.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 2,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Train the published baselines side by side: do published orders between them come out?

    A stopped run goes on where it was. At the micro scale each training takes about ten minutes of one core.
    """
    from evaluation import baseline_bench, panel_trainings, published
    from evaluation import baselines as known
    from tasks.sandbox.jail import jail

    console = console_for(as_json)
    names = tuple(baseline or known())
    file = into / f"baselines-{scale}-trainings.jsonl"
    try:
        total = len(panel_trainings(names, seeds))
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    with shown(console, f"Training at the {scale} scale", total) as advance:
        result = baseline_bench(scale, names, seeds, file, jail(), parallel, advance)
    kept = into / f"baselines-{scale}.json"
    told = keep(result.model_dump(mode="json"), kept)
    if as_json:
        print_json(told)
        return
    console.print(*(_ours(result, what) for what in ("mean", "deviation", "accuracy")))
    for table in published().tables:
        console.print(_rows(f"Published: {table.title}", table.columns, table.rows, 2))
        console.print(f"[dim]{table.source}.[/]\n", highlight=False)
    for ordering in result.orderings:
        console.print(_told(ordering), highlight=False)
    console.print(f"[dim]Kept in {kept}; trainings in {file}.[/]", highlight=False)


def _ours(result: "BaselineBench", what: Literal["mean", "deviation", "accuracy"]) -> Table:
    from evaluation import objectives_of

    objectives = objectives_of(result.scale)
    tasks = tuple(one.task for one in objectives.values())
    titles = {
        "mean": f"Held-out loss in nats a scored token (text: bits a byte), mean of {len(result.seeds)} seeds",
        "deviation": "Its standard deviation over seeds",
        "accuracy": "Accuracy in %, mean over difficulties and seeds",
    }
    scale = 100 if what == "accuracy" else 1
    rows = {
        name: tuple(scale * getattr(cells[one], what) for one in objectives) for name, cells in result.designs.items()
    }
    return _rows(titles[what], tasks, rows, 1 if what == "accuracy" else 3)


def _rows(title: str, columns: tuple[str, ...], rows: dict[str, tuple[float, ...]], digits: int) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    table.add_column("design", no_wrap=True)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, values in rows.items():
        table.add_row(name, *(f"{one:.{digits}f}" for one in values))
    return table


def _told(found: "Ordering") -> str:
    one = found.published
    interval = f"gain {found.gain:+.3f}, 95% interval {found.low:+.3f} to {found.high:+.3f}"
    return f"{one.better} above {one.worse} on {one.task}: {found.outcome} ({interval}). Published: {one.source}."
