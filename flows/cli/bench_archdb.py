"""``archloop bench archdb``: how long the lineage store's queries take as a campaign grows."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from flows.cli.asked import AsJson, Refused, console_for, print_json
from flows.cli.measured import RESULTS, Into, keep

if TYPE_CHECKING:
    from archdb.bench import Study, Timing

SIZES = "1772,10000,100000"  # the first is ASI-Arch's campaign
LEAST_SIZE = 100


def archdb(
    sizes: Annotated[str, typer.Option(help="Experiments of the campaigns, with commas between.")] = SIZES,
    samples: Annotated[int, typer.Option(min=10, help="Calls of each query, on designs drawn at random.")] = 300,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where the filled stores are kept and found again; a folder of the data folder if left out."),
    ] = None,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Do sampling, lineage and leaderboard queries stay fast as a campaign grows?

    Fills embedded stores with campaigns drawn at random, code of 20 kB included, and calls what the loop calls. Filling
    the largest takes tens of minutes; stopped or killed, it goes on when started again.
    """
    from archdb import home
    from archdb.bench import Study

    console = console_for(as_json)
    wanted = _sizes(sizes)
    stores = (folder or home() / "bench-archdb").absolute()
    _require_space(stores, wanted)
    timings: list[Timing] = []
    depths: dict[int, int] = {}
    with Progress(*Progress.get_default_columns(), console=console) as progress:
        for size in wanted:
            found, depths[size] = _one_size(stores / str(size), size, samples, progress)
            timings += found
    result = Study(timings=tuple(timings), depths=depths)
    load = f"{os.getloadavg()[1]:.1f}"
    told = keep({"load_over_five_minutes": load} | result.model_dump(mode="json"), into / "archdb.json")
    if as_json:
        print_json(told)
        return
    _print(console, result, wanted)
    console.print(f"[dim]Kept in {into / 'archdb.json'}; stores in {stores}. Load of the machine: {load}.[/]")


def _sizes(given: str) -> list[int]:
    try:
        wanted = sorted({int(one) for one in given.split(",")})
    except ValueError as fault:
        raise Refused(f"--sizes takes numbers with commas between, such as {SIZES}, not {given}.") from fault
    if wanted[0] < LEAST_SIZE:
        raise Refused(f"A campaign of {wanted[0]} experiments is too small to tell: give sizes from {LEAST_SIZE} on.")
    return wanted


def _require_space(stores: Path, sizes: list[int]) -> None:
    from archdb.bench import bytes_needed

    stores.mkdir(parents=True, exist_ok=True)
    there = sum(file.stat().st_size for file in stores.rglob("*") if file.is_file())
    lacking = sum(map(bytes_needed, sizes)) - there - shutil.disk_usage(stores).free
    if lacking > 0:
        raise Refused(
            f"Stores of {', '.join(map(str, sizes))} experiments need {lacking / 2**30:.1f} GiB more than {stores} has "
            "free: give another folder with --folder, or smaller --sizes."
        )


def _one_size(folder: Path, size: int, samples: int, progress: Progress) -> "tuple[list[Timing], int]":
    from archdb.bench import populate, steps, study
    from archdb.shared_server import detach
    from archdb.store import open_folder

    store = open_folder(folder)
    try:
        filling = progress.add_task(f"Filling {size:,}", total=size)
        populate(store, size, lambda count: progress.update(filling, completed=count))
        timing = progress.add_task(f"Timing {size:,}", total=steps())
        server = int(json.loads((folder / "server.json").read_text())["server"])
        return study(store, server, samples, lambda: progress.advance(timing))
    finally:
        store.client.close()
        detach(folder)  # its server's memory and processor are not to disturb the next


def _print(console: Console, result: "Study", sizes: list[int]) -> None:
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("milliseconds, median (99th percentile), processor")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    table.add_column("grows with", justify="right")
    rows = {(one.query, one.size): one for one in result.timings}
    for query in dict.fromkeys(one.query for one in result.timings):
        slope = result.slope(query)
        cells = [_cell(rows[query, size]) for size in sizes]
        table.add_row(query, *cells, "-" if slope is None else f"n^{slope:.2f}")
    console.print(table)
    for line in sentences(result):
        console.print(line, highlight=False)


def _cell(one: "Timing") -> str:
    return f"{one.p50_ms:.1f} ({one.p99_ms:.1f}) {one.cpu_ms:.1f}"


def sentences(result: "Study") -> list[str]:
    """Each target with what was measured at the largest size."""
    from archdb.bench import CLAIM, CLAIM_MS, QUERIES, QUERY_MS, SLOPE

    largest = max(one.size for one in result.timings)
    last = {one.query: one for one in result.timings if one.size == largest}
    slowest = max((last[name] for name in QUERIES), key=lambda one: one.p99_ms)
    lines = [
        f"Queries at {largest:,}: the slowest is '{slowest.query}' with {slowest.p99_ms:.1f} ms at the 99th percentile "
        f"({_met(slowest.p99_ms <= QUERY_MS)}: at most {QUERY_MS:.0f} ms).",
        f"A claim at {largest:,}: {last[CLAIM].p99_ms:.1f} ms at the 99th percentile "
        f"({_met(last[CLAIM].p99_ms <= CLAIM_MS)}: at most {CLAIM_MS:.0f} ms).",
    ]
    slopes = {name: slope for name in QUERIES if (slope := result.slope(name)) is not None}
    if slopes:
        steepest = max(slopes, key=lambda name: slopes[name])
        lines.append(
            f"Growth of the medians: steepest is '{steepest}' with n^{slopes[steepest]:.2f} "
            f"({_met(slopes[steepest] < SLOPE)}: slower than n^{SLOPE})."
        )
    return lines


def _met(holds: bool) -> str:
    return "holds" if holds else "does not hold"
