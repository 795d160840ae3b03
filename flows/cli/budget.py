"""A campaign's caps as options of a command, and how its budget is told."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.asked import Refused

if TYPE_CHECKING:
    from archdb import Budget

_HELP = "The most {} that the campaign may spend in all; a larger number than before raises it."
CpuHours = Annotated[
    float | None, typer.Option("--max-cpu-hours", metavar="HOURS", help=_HELP.format("CPU time of its designs"))
]
GpuHours = Annotated[
    float | None, typer.Option("--max-gpu-hours", metavar="HOURS", help=_HELP.format("GPU time of its designs"))
]
Tokens = Annotated[int | None, typer.Option("--max-tokens", metavar="N", help=_HELP.format("tokens of model calls"))]
Dollars = Annotated[float | None, typer.Option("--max-dollars", metavar="N", help=_HELP.format("dollars"))]


def caps_asked(
    cpu_hours: float | None = None,
    gpu_hours: float | None = None,
    tokens: int | None = None,
    dollars: float | None = None,
) -> dict[str, float]:
    """The caps that options ask for, in seconds, tokens and dollars.

    Raises:
        Refused: a number that is no amount.
    """
    from archdb import KINDS, exact

    asked = {"cpu_seconds": cpu_hours, "gpu_seconds": gpu_hours, "tokens": tokens, "dollars": dollars}
    caps = {kind: number * KINDS[kind].per for kind, number in asked.items() if number is not None}
    for kind, cap in caps.items():
        try:
            exact({kind: cap})
        except ValueError:
            raise Refused(
                f"{asked[kind]} is no number of {KINDS[kind].word}: give {KINDS[kind].option} one from 0 to "
                f"{int(1e11 / KINDS[kind].per)}."
            ) from None
    return caps


def budget_line(budget: "Budget") -> str:
    """What is spent, in flight and allowed, for every kind that has a cap, and what is spent of the rest."""
    from archdb import KINDS, UNLIMITED, shown

    told = []
    for kind, one in KINDS.items():
        spent, flying, cap = budget.spent[kind], budget.in_flight[kind], budget.caps[kind]
        in_flight = f", {shown(flying, kind)} reserved by what is in flight" if flying else ""
        if cap != UNLIMITED:
            told.append(f"{shown(spent, kind)} of {shown(cap, kind)} {one.word} spent{in_flight}")
        elif spent or flying:
            told.append(f"{shown(spent, kind)} {one.word} spent{in_flight}")
    return "; ".join(told) or "nothing spent"


def budget_json(budget: "Budget") -> dict[str, Any]:
    """The same for a machine, in seconds, tokens and dollars; ``cap`` is null where nobody set one."""
    from archdb import KINDS, UNLIMITED

    return {
        kind: {
            "spent": budget.spent[kind] / one.unit,
            "in_flight": budget.in_flight[kind] / one.unit,
            "cap": None if budget.caps[kind] == UNLIMITED else budget.caps[kind] / one.unit,
        }
        for kind, one in KINDS.items()
    }
