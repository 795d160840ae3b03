"""``archloop bench overhead``: what the harness costs beside the training that it runs, or a cycle beside both."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, ScaleName, console_for, print_json
from flows.cli.measured import RESULTS, Into, keep, shown

if TYPE_CHECKING:
    from evaluation import Overhead

MOST_OVERHEAD = 0.10  # over the bare training steps, in processor time
LEAST_SPEEDUP = 1.8  # of two candidates on two cores
LONGEST_START = 0.5  # seconds, of a child on a warm fork server


def overhead(
    scale: ScaleName = "nano",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of a bare, a sandboxed, and two sandboxed trainings.")] = 3,
    starts: Annotated[int, typer.Option(min=1, help="Children started on a warm fork server.")] = 20,
    cycles: Annotated[
        int, typer.Option(min=0, help="Instead: so many whole cycles at a stretch, with evaluations that cost nothing.")
    ] = 0,
    recorded: Annotated[
        list[int] | None, typer.Option(min=0, help="With --cycles: after so many. May be given several times.")
    ] = None,
    in_flight: Annotated[
        list[int] | None, typer.Option(min=1, help="With --cycles: so many at a time. May be given several times.")
    ] = None,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """What does the sandboxed harness cost over bare training steps, and do two candidates fit on two cores?

    Trains the reference: bare, sandboxed, and two at a time, in turns. A shared machine gives noisy numbers. With
    --cycles, nothing is trained: real cycles of the grammar, on servers of their own, whose scores are drawn.
    """
    from evaluation import overhead_study
    from flows.cli.measured_cycles import measure_cycles
    from tasks.sandbox.jail import jail

    console = console_for(as_json)
    if cycles:
        measure_cycles(cycles, recorded or [0], in_flight or [1, 4], into, console, as_json)
        return
    with shown(console, f"Training at the {scale} scale, in turns", rounds + 1) as advance:
        result = overhead_study(scale, rounds, starts, jail(), advance)
    kept = into / f"overhead-{scale}.json"
    told = keep(result.model_dump(mode="json"), kept)
    if as_json:
        print_json(told)
        return
    for sentence in sentences(result):
        console.print(sentence, highlight=False)
    console.print(f"[dim]Kept in {kept}.[/]", highlight=False)


def sentences(result: "Overhead") -> list[str]:
    """Each ratio with its bar."""
    return [
        f"Harness over the bare training steps: {result.overhead:+.1%} processor time "
        f"({_met(result.overhead <= MOST_OVERHEAD)}: at most {MOST_OVERHEAD:.0%}).",
        f"Two candidates at a time: {result.speedup:.2f} times the throughput of one "
        f"({_met(result.speedup >= LEAST_SPEEDUP)}: at least {LEAST_SPEEDUP} on two cores).",
        f"A warm worker starts a child in {1000 * result.start_seconds:.0f} ms, at most "
        f"{1000 * max(result.starts):.0f} ms ({_met(max(result.starts) < LONGEST_START)}: under {LONGEST_START} s).",
    ]


def _met(holds: bool) -> str:
    return "holds" if holds else "does not hold"
