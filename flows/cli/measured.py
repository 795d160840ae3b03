"""What benches of the laboratory have in common: where results lie, and who measured them."""

import contextlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import Progress

from flows.cli.asked import Refused, print_json

RESULTS = Path("docs/results")

Into = Annotated[Path, typer.Option(help="Where results are kept; trainings found there are not repeated.")]


class Advance(Protocol):
    """Tells that one more is done; what is ignored."""

    def __call__(self, *done: object) -> None: ...


@contextlib.contextmanager
def shown(console: Console, title: str, total: int) -> Iterator[Advance]:
    """A progress bar while a bench trains. Ctrl-C ends its children; what a bench cannot do becomes a sentence.

    Raises:
        Refused: a design did not train, or the bench was asked for what cannot be.
    """
    from evaluation import TrainingFailed
    from tasks.sandbox.jail import stop_everything

    try:
        with Progress(*Progress.get_default_columns(), console=console) as progress:
            bar = progress.add_task(title, total=total)
            yield lambda *_: progress.advance(bar)
            progress.update(bar, completed=total)
    except KeyboardInterrupt:
        stop_everything.set()
        raise
    except (TrainingFailed, ValueError) as fault:
        raise Refused(str(fault)) from fault


def keep(found: dict[str, Any], file: Path) -> dict[str, Any]:
    """Write ``found`` with the command and the device before it, and return all of it."""
    told = {"command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]), "device": device()} | found
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return told


def conclude(found: dict[str, Any], file: Path, table: Path, console: Console, as_json: bool, lines: list[str]) -> None:
    """Keep what was read off a table of trainings, and print it: the lines, or all of it for a machine."""
    told = keep({"table": str(table)} | found, file)
    if as_json:
        print_json(told)
        return
    for line in lines:
        console.print(line, highlight=False)
    console.print(f"[dim]Kept in {file}; trainings in {table}.[/]", highlight=False)


def device() -> str:
    """What measured: the processor, and how many of its cores this process may use."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = names[0] if names else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores"
