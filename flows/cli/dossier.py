"""``archloop dossier``: a campaign as one file, and every number in it computed again from raw results."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.asked import AsJson, console_for, print_json

app = typer.Typer(no_args_is_help=True, help="Campaigns as files that somebody else verifies: see docs/dossier.md.")
MOST_SHOWN = 40


@app.callback()
def dossier() -> None:
    """Campaigns as files that somebody else verifies: see docs/dossier.md."""


@app.command()
def export(
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
    file: Annotated[Path, typer.Argument(help="The file to write; compressed if its name ends in .gz or .xz.")],
    without_anchors: Annotated[
        bool, typer.Option("--without-anchors", help="Do not ask MLflow for the anchors of the event log.")
    ] = False,
) -> None:
    """Write a campaign to FILE: its designs with raw results and programs, the event log, the code behind its numbers.

    Verify it anywhere with `archloop dossier verify FILE`.
    """
    from archdb import open_store
    from archdb.copies import read_dossier_of, write_dossier
    from flows.settings import environment
    from tasks.anchors import find_anchors
    from tasks.dossier.making import with_manifest

    console = console_for()
    with console.status("Reading the campaign"):
        store = open_store()
        anchors = None if without_anchors else find_anchors(store)
        made = with_manifest(read_dossier_of(store, campaign, anchors), environment())
        size = write_dossier(made, file)
    anchored = "no anchors" if anchors is None else f"{len(anchors.found)} anchors"
    console.print(
        f"{file}: {len(made.records['experiments'])} experiments, {len(made.texts)} texts, {len(made.events)} events, "
        f"{anchored}, {size:,} bytes",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A dossier.")],
    limit: Annotated[int, typer.Option(min=0, help="The most rows of the recomputed leaderboard to show.")] = 10,
    domain: Annotated[
        list[str] | None,
        typer.Option("--domain", metavar="MODULE", help="Also import this domain, if the file names it; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every number of a dossier's leaderboard from its raw results, and check its programs and event log.

    It reads the file alone: no store, no server, no network. Exits with 1 unless everything agrees. Of domains, it
    imports archloop's own and those that you name.
    """
    from archdb.copies import read_dossier
    from tasks.domain import OWN_DOMAIN
    from tasks.dossier.judging import Judgement
    from tasks.dossier.verifying import verify_dossier

    console = console_for(as_json)
    with console.status("Verifying the dossier"):
        held, wrong = read_dossier(file)
        found = Judgement(differences=wrong)
        board = verify_dossier(held, found, [OWN_DOMAIN, *(domain or [])])
    if as_json:
        print_json(
            {
                "agrees": not found.differences,
                "campaign": held.name,
                "numbers": found.numbers,
                "texts": found.texts,
                "programs": found.programs,
                "events": found.events,
                "head": found.head,
                "anchors": None if held.anchors is None else found.anchors,
                "differences": found.differences,
                "notes": found.notes,
                "leaderboard": board,
            }
        )
    else:
        for place, row in enumerate(board[:limit], start=1):
            console.print(f"{place:>4}  {row['fitness']:+.4f}  {row['id']}", markup=False, highlight=False)
    for sentence in found.differences[:MOST_SHOWN]:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if len(found.differences) > MOST_SHOWN:
        console.print(f"... and {len(found.differences) - MOST_SHOWN} differences more: --json lists them all.")
    for sentence in found.notes:
        console.print(f"Note: {sentence}", markup=False, highlight=False, soft_wrap=True)
    outcome = f"{len(found.differences)} differences" if found.differences else "all agrees"
    console.print(
        f"{held.name}: {found.numbers} numbers, {found.texts} texts, {found.programs} programs, {found.events} events "
        f"up to {found.head[:20]}, {found.anchors} anchors: {outcome}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if found.differences:
        raise typer.Exit(1)
