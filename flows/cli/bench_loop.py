"""``archloop bench loop``: does what the Researcher looks up lead to better designs at equal compute?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, Refused, ScaleName, console_for
from flows.cli.bench_table import CONSTANT, table_file
from flows.cli.measured import RESULTS, Into, conclude, shown

if TYPE_CHECKING:
    from archdb import Store
    from tasks.bench.loop import Arm, Loop


def loop(
    no_cognition: Annotated[
        bool, typer.Option("--no-cognition", help="Only searches that look nothing up; else these against the others.")
    ] = False,
    scale: ScaleName = "nano",
    replays: Annotated[int, typer.Option(min=2, help="Searches of each kind; they share their chance.")] = 40,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Does looking things up help? Searches with the cognition base against searches without, at equal compute.

    Plays the real loop, from sampler to Analyst, on the trainings that ``archloop bench table`` has made so far, and
    trains nothing. With findings, a search writes and reads a store for each of its trainings.
    """
    from evaluation import tried
    from tasks.agents.grammar.roles import grammar_agents
    from tasks.bench.landscape import Landscape
    from tasks.bench.loop import ARMS, CONTROL, loop_study
    from tasks.samplers.registry import DEFAULT, way_of

    console = console_for(as_json)
    file = table_file(into, scale)
    arms = (CONTROL,) if no_cognition else tuple(ARMS)
    try:
        ground = Landscape(*tried(file, scale + CONSTANT))
        with (
            _own_cognition() as store,
            shown(console, f"Playing on {len(ground.designs)} designs", replays * len(arms)) as advance,
        ):
            choose = way_of(DEFAULT).choose
            found = loop_study(ground, scale, store, grammar_agents(), choose, arms, replays, advance)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    kept = into / ("loop-no-cognition.json" if no_cognition else "loop.json")
    conclude({"sampler": DEFAULT} | found.model_dump(mode="json"), kept, file, console, as_json, _told(found))


@contextmanager
def _own_cognition() -> "Iterator[Store]":
    """A store and a cognition base that nobody else sees: findings of played searches are true of no campaign."""
    from archdb.cognition import index_cognition
    from archdb.shared_server import detach
    from archdb.store import open_folder

    before = os.environ.get("ARCHLOOP_COGNITION_URI")
    with TemporaryDirectory(prefix="archloop-loop-") as place:
        folder = Path(place).resolve()
        os.environ["ARCHLOOP_COGNITION_URI"] = str(folder / "cognition")
        store = open_folder(folder / "store")
        try:
            index_cognition(store)
            yield store
        finally:
            store.client.close()
            detach(folder / "store")
            del os.environ["ARCHLOOP_COGNITION_URI"]
            if before is not None:
                os.environ["ARCHLOOP_COGNITION_URI"] = before


def _told(found: "Loop") -> list[str]:
    lines = [
        f"{found.designs} designs; {found.replays} searches of each kind, each of {found.cpu_seconds / 3600:.1f} "
        "CPU-hours of trainings.",
        "Mean regret over a search (in units of fitness), and at its end:",
    ]
    return [*lines, *(_row(name, one) for name, one in found.arms.items()), *([found.verdict] if found.verdict else [])]


def _row(name: str, one: "Arm") -> str:
    area, end = (f"{span.value:.3f} ({span.low:.3f} to {span.high:.3f})" for span in (one.area, one.end))
    used = f"something retrieved used in {one.used:.0%} of proposals"
    return f"  {name}: {area}; {end}; {one.trainings:.0f} trainings, {used}"
