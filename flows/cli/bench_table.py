"""``archloop bench table``: real trainings of many designs with checkpoints, the ground that other benches stand on."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, ScaleName, console_for, print_json
from flows.cli.measured import RESULTS, Into, shown

if TYPE_CHECKING:
    from evaluation import Entry, TableRow

CONSTANT = "-constant"  # the scale whose rate does not fall, so that a checkpoint is what a run cut short ends with


def table_file(into: Path, scale: str) -> Path:
    """Where a scale's trainings are kept."""
    return into / f"fidelity-{scale}-trainings.jsonl"


def table(
    designs: Annotated[int, typer.Option(min=1, help="Designs of the grammar, by number from 1.")] = 250,
    top: Annotated[int, typer.Option(min=0, help="How many of the fittest get a second and a third seed.")] = 50,
    scale: ScaleName = "nano",
    parallel: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 2,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Train designs drawn from the grammar at a constant rate, with scores at checkpoints, into a file that can grow.

    Stopped or killed, it loses the trainings in flight and goes on when started again. Needed by ``bench fidelity``.
    """
    from evaluation import grow_table, table_trainings
    from tasks.sandbox.jail import jail

    console = console_for(as_json)
    file = table_file(into, scale)
    total = table_trainings(designs, top)
    counts: Counter[str] = Counter()
    with shown(console, f"Training at the {scale} scale, constant rate", total) as advance:

        def done(row: "TableRow") -> None:
            ended = f"{row.failure.kind} ({row.stage})" if row.failure else "scored"
            counts[ended] += 1
            spent = row.check_cpu_seconds + row.train_cpu_seconds + row.scoring_cpu_seconds
            console.print(f"{row.design}, seed {row.seed}: {ended}, {spent:.0f} CPU-s", highlight=False)
            advance()

        rows = grow_table(_entries(designs), scale + CONSTANT, file, jail(), top, parallel, done)
    if as_json:
        print_json({"file": str(file), "rows": len(rows), "trained_now": dict(counts)})
        return
    console.print(f"{len(rows)} trainings in {file}; now: {_told(counts)}.", highlight=False)


def _entries(count: int) -> list["Entry"]:
    from evaluation import Entry
    from tasks.agents.grammar.compose import compose
    from tasks.agents.grammar.naming import name_of
    from tasks.agents.grammar.numbered import numbered_designs

    return [
        Entry(name=name_of(one), source=compose(one, name_of(one), ""), number=number, components=one.choices)
        for number, one in enumerate(numbered_designs(count), start=1)
    ]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {ended}" for ended, count in counts.most_common()) or "nothing was missing"
