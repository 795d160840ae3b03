"""``archloop db``: the lineage store itself."""

import typer

from flows.cli.asked import AsJson, console_for, print_json
from flows.cli.backup import backup, copy, restore
from flows.cli.prune import prune

app = typer.Typer(no_args_is_help=True, help="The lineage store.")
for command in (backup, restore, copy, prune):
    app.command()(command)


@app.callback()
def db() -> None:
    """The lineage store."""


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the records of an older archloop to the version that this one reads. Nothing else may work on them."""
    from archdb import connect
    from archdb import migrate as bring_forward

    store = connect()
    console = console_for(as_json)
    before, now = bring_forward(store, lambda old, new: console.print(f"From version {old} to version {new} ..."))
    if as_json:
        print_json({"store": store.address, "before": before, "now": now})
    elif before == now:
        console.print(f"The store at {store.address} is of version {now} already.")
    else:
        console.print(f"The store at {store.address} is of version {now} now.")
