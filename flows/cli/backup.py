"""``archloop db backup``, ``restore`` and ``copy``: a whole store to a file, from one, and from store to store."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.cli.asked import AsJson, console_for, print_json

if TYPE_CHECKING:
    from archdb.copies import Take, Totals

PLACE = "A MongoDB address, or a data folder."
STEP = 100  # documents between two updates of what a person sees
AtRest = Annotated[
    bool, typer.Option("--at-rest", help="Read without a transaction; refused if anything is written meanwhile.")
]


def backup(
    file: Annotated[Path, typer.Argument(help="A new file, or a folder that gets one named after the time.")],
    at_rest: AtRest = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole lineage store into one file. Campaigns may go on meanwhile: it is a copy of one moment."""
    from archdb import connect
    from archdb.copies import write_backup

    store, console = connect(), console_for(as_json)
    if file.is_dir():
        file /= time.strftime("archloop-%Y%m%d-%H%M%S.bson.gz")
    with _counting(console, "read") as count:
        made = write_backup(store, file, at_rest=at_rest, on_document=count)
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "bytes": size, **made.model_dump()})
        return
    _show(console, made.totals)
    console.print(f"{store.address} is kept in {file}: {made.documents} documents, {size} bytes; read again and equal.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `archloop db backup` wrote.")],
    into: Annotated[str, typer.Option(help=f"{PLACE} Without it, the store in use.")] = "",
    as_json: AsJson = False,
) -> None:
    """Fill an empty store with a backup, and compare it with the file."""
    from archdb import connect, connect_to
    from archdb.copies import read_backup, write_whole

    console = console_for(as_json)
    with console.status("Reading the backup"):
        made = read_backup(file)  # all of it, before anything is written
    store = connect_to(into) if into else connect()
    with _counting(console, "written") as count:

        def read(take: "Take") -> "Totals":
            return read_backup(file, _counted(take, count)).totals

        totals = write_whole(store, made.version, str(file), read)
    _told(console, as_json, str(file), store.address, made.version, totals)


def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help=PLACE)],
    into: Annotated[str, typer.Argument(metavar="INTO", help=f"{PLACE} It has to be empty.")],
    at_rest: AtRest = False,
    as_json: AsJson = False,
) -> None:
    """Copy a whole store into an empty one, such as the embedded one into a MongoDB server, and compare both."""
    from archdb import connect_to
    from archdb.copies import read_whole, readable_version, write_whole
    from flows.cli.asked import Refused

    if "://" not in source and not (Path(source).expanduser() / "store").is_dir():
        raise Refused(f"{source} is no data folder with a store: give one, or an address like mongodb://host/archloop.")
    console, old, new = console_for(as_json), connect_to(source), connect_to(into)
    version = readable_version(old)
    with _counting(console, "copied") as count:

        def read(take: "Take") -> "Totals":
            return read_whole(old, _counted(take, count), at_rest=at_rest)

        totals = write_whole(new, version, old.address, read)
    _told(console, as_json, old.address, new.address, version, totals)


def _told(console: Console, as_json: bool, source: str, place: str, version: int, totals: "Totals") -> None:
    from archdb.schema import VERSION

    if as_json:
        print_json({"from": source, "into": place, "version": version, "totals": _plain(totals)})
        return
    _show(console, totals)
    console.print(f"{place} holds what {source} holds: every count and hash is the same.")
    if version < VERSION:
        console.print(f"Its records are of version {version}: run `archloop db migrate` there.")


def _show(console: Console, totals: "Totals") -> None:
    table = Table("collection", "documents", "sha256", box=None)
    for name, one in totals.items():
        table.add_row(name, str(one.documents), one.sha256[:16])
    console.print(table)


def _plain(totals: "Totals") -> dict[str, object]:
    return {name: one.model_dump() for name, one in totals.items()}


def _counted(take: "Take", count: Callable[[], None]) -> "Take":
    def counted(name: str, one: bytes) -> None:
        take(name, one)
        count()

    return counted


@contextmanager
def _counting(console: Console, done: str) -> Iterator[Callable[[], None]]:
    number = 0
    with console.status("Beginning") as status:

        def count() -> None:
            nonlocal number
            number += 1
            if number % STEP == 0:
                status.update(f"{number} documents {done}")

        yield count
