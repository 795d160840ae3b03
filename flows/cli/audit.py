"""``archloop audit``: is what is recorded as it was written?"""

import os
from typing import Annotated

import typer

from flows.cli.asked import AsJson, console_for, print_json

app = typer.Typer(no_args_is_help=True, help="The event log.")
MOST_SHOWN = 40


@app.callback()
def audit() -> None:
    """The event log."""


@app.command()
def verify(
    campaign: Annotated[
        str | None, typer.Option("--campaign", "-c", help="Compare only this campaign's records with the log.")
    ] = None,
    without_anchors: Annotated[
        bool, typer.Option("--without-anchors", help="Do not ask MLflow: a tail that was cut off may go unseen.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Walk the event log from its first event to its end, and compare it with its anchors in MLflow and the records.

    Any event that was edited, removed, reordered or cut off is found, and so is a record that is not what was logged.
    Exits with 1 if anything is wrong, or if MLflow, which holds the anchors, does not answer.
    """
    from archdb import get_campaign, open_store, settle_all
    from archdb.audit import check_chain, check_records
    from tasks.anchors import find_anchors
    from tasks.faults import TransportFault

    console = console_for(as_json)
    with console.status("Opening the store") as status:
        store = open_store()
        if campaign is not None:
            get_campaign(store, campaign)
        settled = settle_all(store)
        anchors, away = None, ""
        if not without_anchors:
            status.update("Reading the anchors in MLflow")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a person waits: minutes are too long
            try:
                anchors = find_anchors(store)
            except TransportFault as fault:
                away = str(fault)
        walk = check_chain(store, anchors, lambda seen: status.update(f"Event {seen}"))
        read = check_records(store, walk, campaign, anchors, lambda seen: status.update(f"Experiment {seen}"))
    faults = walk.faults + read.faults
    if as_json:
        print_json(
            {
                "sound": not faults and not away,
                "events": walk.events,
                "head": walk.head,
                "anchors": None if anchors is None else walk.anchors,
                "anchors_unread": away,
                "settled": settled,
                "experiments": read.experiments,
                "texts": read.texts,
                "faults": [one.model_dump() for one in faults],
            }
        )
    for one in faults[:MOST_SHOWN]:
        console.print(one.sentence, markup=False, highlight=False, soft_wrap=True)
    if len(faults) > MOST_SHOWN:
        console.print(f"... and {len(faults) - MOST_SHOWN} faults more: --json lists them all.")
    if away:
        console.print(
            f"The anchors were not checked, so a tail that was cut off would go unseen: {away} "
            "--without-anchors checks the rest alone.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    anchored = "anchors not checked" if anchors is None else f"{walk.anchors} anchors"
    found = f"{len(faults)} faults" if faults else "nothing wrong"
    console.print(
        f"{walk.events} events, {anchored}, {read.experiments} experiments, {read.texts} texts: {found}"
        + (f" ({settled} events that a dead worker had left were appended)." if settled else "."),
        highlight=False,
        soft_wrap=True,
    )
    if faults or away:
        raise typer.Exit(1)
