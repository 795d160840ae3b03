"""``archloop approve``: what waits for people, and their word on it."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, Refused, console_for, print_json
from flows.cli.control import Why

if TYPE_CHECKING:
    from archdb.governance import Request

Subject = Annotated[
    str | None,
    typer.Argument(help="The campaign to start, or the design to verify.", metavar="ID", show_default=False),
]


def approve(
    subject: Subject = None,
    who: Annotated[str, typer.Option("--as", metavar="NAME", help="Who decides.", show_default=False)] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it instead, which ends it.")] = False,
    reason: Why = "",
    as_json: AsJson = False,
) -> None:
    """Approve a campaign's start or a verification, or refuse it; without an ID, list what waits.

    What waits in a terminal goes on within a second, and a suspended flow run is woken.
    """
    if subject is None:
        _list(as_json)
        return
    if not who.strip():
        raise Refused("Say who decides with --as NAME: a decision carries a person's name.")
    from archdb import open_store
    from archdb.governance import decide, standing_of

    store = open_store()
    request = decide(store, _asked(subject), who, "refused" if refuse else "approved", reason)
    if request.state != "waiting" and request.flow_run:
        from flows.prefect_server import use_prefect

        use_prefect()
        from flows.approval import wake

        wake(request, who.strip())
    if as_json:
        print_json(request.model_dump(by_alias=True))
        return
    ended = f"{request.subject} is {request.state}, by {request.by}."
    told = standing_of(store, request) if request.state == "waiting" else ended
    console_for().print(told, markup=False, highlight=False, soft_wrap=True)


def _asked(subject: str) -> "Request":
    """The one request on a subject that people decide on here."""
    from archdb import NotFound, open_store
    from archdb.governance import requests_of

    found = [one for one in requests_of(open_store(), subject) if one.what in ("campaign", "verification")]
    waiting = [one for one in found if one.state == "waiting"] or found
    if not waiting:
        raise NotFound(f"Nobody asked for approval of {subject}: `archloop approve` lists what waits.")
    if len(waiting) > 1:
        raise Refused(f"{subject} is a campaign and a design, and both wait: decide in the Prefect UI.")
    return waiting[0]


def _list(as_json: bool) -> None:
    from archdb import open_store
    from archdb.governance import standing_of, waiting_requests

    store = open_store()
    waiting = waiting_requests(store)
    if as_json:
        print_json([one.model_dump(by_alias=True) for one in waiting])
        return
    for one in waiting:
        console_for().print(standing_of(store, one), markup=False, highlight=False, soft_wrap=True)
    if not waiting:
        console_for().print("Nothing waits for approval.")
