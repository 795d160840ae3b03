"""``archloop up --check``: what this machine lacks, told one by one."""

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.asked import console_for, print_json

COLOURS = {"ok": "green", "note": "yellow", "fail": "red"}


def tell(as_json: bool) -> None:
    """Print every finding with its remedy. Exits with 1 if something fails without which nothing runs."""
    from flows.diagnosis import diagnose

    console, findings = console_for(as_json), []
    with console.status("Looking") as status:
        for one in diagnose():
            findings.append(one)
            status.update(f"Looked at {one.what}")
    failed = [one for one in findings if one.verdict == "fail"]
    if as_json:
        print_json({"ready": not failed, "findings": [one._asdict() for one in findings]})
    else:
        table = Table("", "what", "found", "remedy", box=None, pad_edge=False)
        for one in findings:
            colour = COLOURS[one.verdict]
            table.add_row(f"[{colour}]{one.verdict}[/]", escape(one.what), escape(one.found), escape(one.remedy))
        console.print(table)
        console.print(f"{len(failed)} of {len(findings)} fail." if failed else "Ready: `archloop up` can start.")
    if failed:
        raise typer.Exit(1)
