"""``archloop pause | resume | stop``: the switch of a campaign, and the one over everything."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.asked import AsJson, Refused, console_for, print_json

if TYPE_CHECKING:
    from archdb.governance import Control

Name = Annotated[
    str | None, typer.Argument(help="The campaign; or give --all.", metavar="CAMPAIGN", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="Every campaign of this store, those to come included.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are.", show_default="your login's name")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for those who wonder and for the event log.")]


def pause(campaign: Name = None, all_: All = False, who: As = "", reason: Why = "", as_json: AsJson = False) -> None:
    """Let no new stage begin in a campaign; what is running ends. `archloop resume` lets it go on."""
    _turn("pause", campaign, all_, who, reason, as_json)


def resume(campaign: Name = None, all_: All = False, who: As = "", reason: Why = "", as_json: AsJson = False) -> None:
    """Let a paused campaign go on by itself; one that was stopped goes on once it is run again."""
    _turn("resume", campaign, all_, who, reason, as_json)


def stop(campaign: Name = None, all_: All = False, who: As = "", reason: Why = "", as_json: AsJson = False) -> None:
    """End what runs in a campaign within seconds, on every machine. Nothing that is recorded is lost.

    Anyone may; where people approve, going on takes as many of them as a start.
    """
    _turn("stop", campaign, all_, who, reason, as_json)


def person(given: str, counts: bool) -> str:
    """Who types a command: the name given, else the login's where nobody's voice is counted.

    Raises:
        Refused: voices are counted, and no name is given.
    """
    if counts and not given.strip():
        raise Refused("People are asked to approve this: say who you are with --as NAME, since a voice has a name.")
    return given.strip() or getpass.getuser()


def _turn(verb: str, campaign: str | None, everything: bool, who: str, reason: str, as_json: bool) -> None:
    if (campaign is None) != everything:
        raise Refused(f"Say what to {verb}: the name of one campaign, or --all.")
    from archdb import get_campaign, open_store
    from archdb.governance import EVERYTHING, get_control, rule_from, rule_of, standing_of
    from flows.quorum import turn_by_quorum

    store = open_store()
    rule = rule_from() if campaign is None else rule_of(get_campaign(store, campaign))
    switch = EVERYTHING if campaign is None else campaign
    name = person(who, counts=rule.needed > 0 and verb != "stop")
    request = turn_by_quorum(store, switch, verb, name, reason, rule)
    control = get_control(store, switch)
    if as_json:
        waiting = request.model_dump(by_alias=True) if request and request.state == "waiting" else None
        print_json(control_json(control) | {"waiting": waiting})
    elif request is not None and request.state == "waiting":
        console_for().print(standing_of(store, request), markup=False, highlight=False, soft_wrap=True)
    else:
        console_for().print(_told(verb, campaign), markup=False, highlight=False, soft_wrap=True)


def control_json(control: "Control") -> dict[str, Any]:
    """A switch for a machine; its campaign is null where it is the one over everything."""
    from archdb.governance import EVERYTHING

    campaign = None if control.id == EVERYTHING else control.id
    fields: dict[str, Any] = control.model_dump(include={"state", "who", "reason", "at", "number"})
    return {"campaign": campaign} | fields


def _told(verb: str, campaign: str | None) -> str:
    what = f"Campaign {campaign}" if campaign else "Everything"
    option = campaign or "--all"
    if verb == "pause":
        return f"{what} is paused: what runs ends, and nothing new begins until `archloop resume {option}`."
    if verb == "stop":
        return f"{what} is stopped: what runs ends within seconds, until `archloop resume {option}` lets it go on."
    again = f"`archloop run --campaign {campaign}`" if campaign else "the same command"
    return f"{what} may go on: paused work does by itself, and {again} goes on with what was stopped."
