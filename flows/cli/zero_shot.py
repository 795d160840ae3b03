"""``archloop zero-shot FILE``: a trained design's accuracy on published benchmarks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.cli.asked import AsJson, DesignFile, Refused, console_for, print_json, read_design

if TYPE_CHECKING:
    from evaluation import ZeroShotReport


def zero_shot(
    file: DesignFile,
    data: Annotated[Path, typer.Option("--data", help="The prepared dataset that it was trained on.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where its training left the weights.")] = Path(
        "evaluation-work"
    ),
    scale: Annotated[str, typer.Option("--scale", help="The scale that it was trained at.")] = "20m",
    device: Annotated[Literal["cuda", "cpu"], typer.Option("--device", help="Where it runs.")] = "cuda",
    tasks: Annotated[str, typer.Option("--tasks", help="Names with commas between them; all if left out.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", help="First items of each task.")] = None,
    trained_on: Annotated[
        str, typer.Option("--trained-on", help="Tasks whose training split was in its training text.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Ask a design that was trained at a large scale the zero-shot suite: LAMBADA, HellaSwag, PIQA and others.

    Results on text that it was trained on are labelled.
    """
    source = read_design(file)
    from evaluation import zero_shot_file
    from tasks.sandbox.jail import jail

    console = console_for(as_json)
    with console.status("Reading the data") as status:
        try:
            report = zero_shot_file(
                source,
                scale,
                data,
                device,
                folder,
                jail(),
                tasks=tasks,
                limit=limit,
                trained_on=trained_on,
                told=status.update,
            )
        except ValueError as wrong:
            raise Refused(str(wrong)) from wrong
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _tell(console, report)
    if report.failure is not None:
        raise typer.Exit(1)


def _tell(console: Console, report: "ZeroShotReport") -> None:
    if report.failure is not None:
        told = f"{report.failure.message} {report.failure.remedy}"
        console.print(f"[red]Not scored ({report.failure.kind})[/]: {escape(told)}", highlight=False)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("task", "accuracy", "by characters", "chance", "items", "not in training text", "zero-shot"):
        table.add_column(name, justify="left" if name in ("task", "zero-shot") else "right")
    for score in report.tasks:
        table.add_row(
            score.title,
            _share(score.accuracy, score.accuracy_stderr),
            "" if score.accuracy_norm is None else _share(score.accuracy_norm, score.accuracy_norm_stderr),
            f"{score.chance:.1%}",
            f"{score.items:,} of {score.items_of_task:,}",
            "" if score.accuracy_clean is None else f"{score.accuracy_clean:.1%}",
            "[yellow]no[/]: " + escape(score.reason) if score.in_distribution else "yes",
        )
    console.print(table)
    for line in _notes(report):
        console.print(f"[dim]{escape(line)}[/]", highlight=False)


def _notes(report: "ZeroShotReport") -> list[str]:
    lines = [f"LAMBADA's perplexity is {score.perplexity:.1f}." for score in report.tasks if score.perplexity]
    lines += [f"{found.property}: {found.evidence}." for found in report.verdicts]
    return [*lines, f"lm-eval {report.harness}, items from {report.data}."]


def _share(value: float, error: float | None) -> str:
    return f"{value:.1%}" if error is None else f"{value:.1%} ±{error:.1%}"
