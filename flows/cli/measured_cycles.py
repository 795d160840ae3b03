"""``archloop bench overhead --cycles``: what a cycle costs beside its evaluations, and how that grows."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console

from flows.cli.asked import print_json
from flows.cli.measured import keep, shown

if TYPE_CHECKING:
    from flows.machinery import Stretch

MOST_CPU = 1.5  # seconds a cycle, of the process that runs the flows
MOST_WALL = 3.0  # seconds a cycle, one at a time
LEAST_A_MINUTE = 40  # cycles, four at a time on two cores


def measure_cycles(
    cycles: int, recorded: Sequence[int], in_flight: Sequence[int], into: Path, console: Console, as_json: bool
) -> None:
    """Measure stretches of ``cycles`` after so many ``recorded`` ones, print them, and keep them in ``into``."""
    from archdb.shared_server import detach
    from flows.machinery import machinery_study

    after = sorted(recorded)
    with TemporaryDirectory(prefix="archloop-machinery-") as place:
        folder = Path(place).resolve()
        with shown(console, "Cycles", _cycles_to_run(cycles, len(in_flight), after)) as advance:
            found = machinery_study(folder, cycles, in_flight, after, advance)
        for server in ("store", "prefect"):
            detach(folder / server)
    kept = into / "overhead-cycles.json"
    told = keep({"stretches": [_row(one) for one in found]}, kept)
    if as_json:
        print_json(told)
        return
    for one in found:
        console.print(sentence(one), highlight=False)
    console.print(f"[dim]Kept in {kept}.[/]", highlight=False)


def sentence(one: "Stretch") -> str:
    """A stretch with its bars."""
    told = (
        f"{one.cycles} cycles after {one.recorded}, {one.in_flight} at a time: {one.cpu_seconds:.2f} CPU-seconds a "
        f"cycle ({_met(one.cpu_seconds <= MOST_CPU)}: at most {MOST_CPU}), {one.server_cpu_seconds:.2f} more in the "
        "servers"
    )
    if one.in_flight == 1:
        return f"{told}; {one.wall_a_cycle:.1f} s ({_met(one.wall_a_cycle <= MOST_WALL)}: at most {MOST_WALL:.0f} s)."
    bar = f" ({_met(one.a_minute >= LEAST_A_MINUTE)}: at least {LEAST_A_MINUTE})" if one.in_flight == 4 else ""
    return f"{told}; {one.a_minute:.0f} cycles a minute{bar}."


def _cycles_to_run(cycles: int, stretches: int, recorded: Sequence[int]) -> int:
    done = 0
    for wanted in recorded:
        done = max(done, wanted) + cycles * stretches
    return done


def _row(one: "Stretch") -> dict[str, float]:
    return one.model_dump() | {"wall_a_cycle": one.wall_a_cycle, "a_minute": one.a_minute}


def _met(holds: bool) -> str:
    return "holds" if holds else "does not hold"
