"""``archloop db prune``: what is kept for nobody, and its removal."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from flows.cli.asked import AsJson, console_for, print_json

KEEP, DAYS, DAY_SECONDS = 20, 30, 86_400.0


def prune(
    keep_best: Annotated[int, typer.Option(min=0, help="Designs of each campaign that keep their weights.")] = KEEP,
    older_than: Annotated[int, typer.Option(min=1, metavar="DAYS", help="Days for which all is kept.")] = DAYS,
    apply: Annotated[bool, typer.Option("--apply", help="Remove it. Without this, nothing is changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell which weights, work folders and texts nothing needs any more; with --apply, remove them: docs/keeping.md."""
    from archdb import find_unreferenced, open_store, remove_unreferenced
    from tasks import retention

    store, console = open_store(), console_for(as_json)
    until = time.time() - older_than * DAY_SECONDS
    with console.status("Looking"):
        weights = list(retention.spare_weights(store, keep_best, until))
        work = list(retention.spare_work(store, until))
        texts = find_unreferenced(store, older_than * DAY_SECONDS)
    if apply:
        with console.status("Removing"):
            retention.remove_weights(weights)
            for left in work:
                retention.remove_work(left)
            remove_unreferenced(store, texts)
    found: dict[str, Sequence[Any]] = {"weights": weights, "work": work, "texts": texts}
    if as_json:
        print_json({"applied": apply} | {name: [one._asdict() for one in some] for name, some in found.items()})
        return
    table = Table("what", "pieces", "bytes", "of", box=None)
    titles = {"weights": "weights in MLflow", "work": "work folders", "texts": "texts that nothing refers to"}
    for name, some in found.items():
        of = "" if name == "texts" else _designs(some)
        table.add_row(titles[name], str(len(some)), f"{sum(one.bytes for one in some):,}", of)
    console.print(table)
    console.print("Removed." if apply else "Nothing was changed: --apply removes it.")


def _designs(found: Sequence[Any]) -> str:
    names = list(dict.fromkeys(one.experiment for one in found))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
