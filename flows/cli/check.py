"""``archloop check FILE``: every property of a design with its evidence, what fails first."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from evaluation import CheckReport, Verdict
from flows.cli.asked import AsJson, DesignFile, Refused, ScaleName, console_for, print_json, read_design

_SIGNS = {"pass": "[green]pass[/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}
_ORDER = ("fail", "warn", "pass")


def check(
    file: DesignFile,
    scale: ScaleName = "nano",
    full: Annotated[
        bool, typer.Option("--full", help="Also longer inputs, torch.compile and torch.export, as for finalists.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a design: does it run, is it causal and linear in time, can it be matched in size? Exits with 1 if not."""
    source = read_design(file)
    from evaluation import check as check_design
    from tasks.sandbox.jail import jail

    console = console_for(as_json)
    with tempfile.TemporaryDirectory() as folder, console.status(f"Checking {file} at the {scale} scale"):
        try:
            report = check_design(source, scale, Path(folder), jail(), full=full)
        except ValueError as fault:
            raise Refused(str(fault)) from fault
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        show(console, file, report)
    if report.failure is not None:
        raise typer.Exit(1)


def show(console: Console, file: Path, report: CheckReport) -> None:
    """Print a check report for a person."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("property", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence", overflow="fold")
    for verdict in sorted(report.verdicts, key=lambda one: _ORDER.index(one.verdict)):
        table.add_row(verdict.property, _SIGNS[verdict.verdict], _told(verdict))
    console.print(table)
    console.print(_cost(report), highlight=False)
    name = escape(str(file))
    if report.failure is not None:
        console.print(f"[red]{name} is rejected[/]: {escape(report.failure.message)}", highlight=False)
        console.print(f"  [bold]Remedy[/]: {escape(report.failure.remedy)}", highlight=False)
        return
    warnings = sum(verdict.verdict == "warn" for verdict in report.verdicts)
    noted = "" if not warnings else f", with {warnings} warning{'s' if warnings > 1 else ''}"
    size = f"{report.parameters} parameters, MLP width {report.mlp_hidden}"
    console.print(f"[green]{name} may be trained[/]{noted}: {size}.", highlight=False)
    if report.costs is not None:
        console.print(f"[dim]By its own count: {report.costs.sentence}.[/]", highlight=False)


def _told(verdict: Verdict) -> RenderableType:
    evidence = escape(verdict.evidence)
    return evidence if not verdict.remedy else Group(evidence, f"[dim]{escape(verdict.remedy)}[/]")


def _cost(report: CheckReport) -> str:
    """One line: the tier and its time, and what confined the file."""
    off = [f"{layer} {told}" for layer, told in report.sandbox.items() if not told.startswith("on")]
    layers = f"{len(report.sandbox) - len(off)} sandbox layers on" + (f"; {'; '.join(off)}" if off else "")
    time = f"{report.tier} tier, {report.wall_seconds:.1f} s"
    return f"[dim]{escape(f'{time}; {layers}')}[/]" if report.sandbox else f"[dim]{time}; read, never run[/]"
