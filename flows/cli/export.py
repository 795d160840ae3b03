"""``archloop export``: what is recorded, as files for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.asked import Refused, console_for


def export(
    table: Annotated[
        Path, typer.Option("--table", help="All experiments, a row each, as FILE.parquet or FILE.csv.", metavar="FILE")
    ],
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", "-c", help="Only this campaign's; may be given several times.")
    ] = None,
) -> None:
    """Write every experiment as a table: scores, gains, costs, components, parents and reasons of failures.

    Read it with `pandas.read_parquet(FILE)`. Failed designs, ablations and repetitions on fresh seeds have rows, too:
    `kind` and `state` tell them apart.
    """
    from archdb import open_store
    from archdb.frame import experiments_table, write_table

    console = console_for()
    with console.status("Reading experiments"):
        rows = experiments_table(open_store(), campaign or [])
    try:
        write_table(rows, table)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    except OSError as fault:
        raise Refused(f"{table} cannot be written ({fault.strerror or fault}): give another path.") from fault
    console.print(f"{table}: {len(rows)} experiments, {len(rows.columns)} columns", markup=False, highlight=False)
