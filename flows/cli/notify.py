"""``archloop notify``: who is told of a breakthrough, or of a campaign that has stalled."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from flows.cli.asked import Refused, console_for

HOURS = 6.0
LEAST_HOURS = 0.5  # the server may put events that came at once into their order only a quarter of an hour later


def notify(
    webhook: Annotated[str, typer.Option(help="An address that gets a JSON document by POST.")] = "",
    block: Annotated[
        str, typer.Option(help="A notification or webhook block of the server, as TYPE/NAME.", metavar="TYPE/NAME")
    ] = "",
    stalled_after: Annotated[
        float, typer.Option(help="Hours without a finished cycle after which a campaign has stalled.")
    ] = HOURS,
    off: Annotated[bool, typer.Option("--off", help="Tell nobody any more.")] = False,
) -> None:
    """Have the Prefect server tell somebody of breakthroughs and stalled campaigns: see docs/keeping.md."""
    if (bool(webhook), bool(block), off).count(True) != 1:
        raise Refused("Say whom to tell: give one of --webhook URL, --block TYPE/NAME and --off.")
    if webhook and urlsplit(webhook).scheme not in ("http", "https"):
        raise Refused("A webhook is an address that begins with https:// or http://: give such a one.")
    kind, _, name = block.partition("/")
    if block and not (kind and name):
        raise Refused(
            f"{block} is no block: give TYPE/NAME as `prefect block ls` lists it, such as slack-webhook/mine."
        )
    if stalled_after < LEAST_HOURS:
        raise Refused(f"A campaign cannot be called stalled within {LEAST_HOURS:g} hours: give more.")
    from flows.prefect_server import use_prefect

    console, prefect = console_for(), use_prefect()
    from flows import notifying

    if off:
        console.print("Nobody is told any more." if notifying.silence() else "Nobody was told.")
        return
    chosen = notifying.keep_address(webhook) if webhook else notifying.Block(kind, name)
    notifying.notify(chosen, stalled_after)
    console.print(
        f"{chosen} is told of breakthroughs, and of campaigns at work of which no cycle has finished for "
        f"{stalled_after:g} hours: {prefect}/automations",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
