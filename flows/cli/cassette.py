"""``archloop cassette export CAMPAIGN FILE``: a campaign as one file, from which it can be run again."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.asked import console_for

app = typer.Typer(no_args_is_help=True, help="Campaigns as files that can be replayed: see docs/cassettes.md.")


@app.callback()
def cassette() -> None:
    """Campaigns as files that can be replayed: see docs/cassettes.md."""


@app.command()
def export(
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
    file: Annotated[Path, typer.Argument(help="The file to write; gzipped if its name ends in .gz.")],
) -> None:
    """Write a campaign's settings, model calls and evaluation results to FILE.

    Replay it with `archloop run --provider replay --cassette FILE`. It holds the campaign's finished cycles.
    """
    from archdb import get_campaign, open_store
    from archdb.copies import write_cassette
    from tasks.replay.recording import record_cassette

    console, store = console_for(), open_store()
    record = get_campaign(store, campaign)
    with console.status("Reading the campaign"):
        held = record_cassette(store, record)
        size = write_cassette(store, held, file)
    cycles = held.settings.cycles
    console.print(
        f"{file}: {cycles} cycles, {len(held.calls)} model calls and {len(held.evaluations)} evaluations of "
        f"{held.campaign}, {size:,} bytes",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if record.cycles > cycles:
        told = f"Left out: cycle {cycles + 1} is not finished, and those after it build on it."
        console.print(told, markup=False, highlight=False, soft_wrap=True)
