"""``archloop bench retrieval``: is the right paper found for the words of a failing experiment?"""

from rich.table import Table

from flows.cli.asked import AsJson, console_for, print_json
from flows.cli.measured import RESULTS, Into, keep, shown


def retrieval(into: Into = RESULTS, as_json: AsJson = False) -> None:
    """Ask 60 questions with known answers, half of them kept apart from tuning, in three ways.

    Only the papers that ship with archloop and those that were added are asked for, not findings.
    """
    from archdb import open_store
    from archdb.cognition import index_cognition
    from archdb.cognition.bar import BAR, HALVES, WAYS, measure
    from evaluation import share

    console = console_for(as_json)
    index_cognition(open_store())
    rows = []
    with shown(console, "Asking", len(HALVES) * len(WAYS)) as advance:
        for half in HALVES:
            for way in WAYS:
                rows.append(measure(half, way))
                advance()
    told = keep(
        {
            "rows": [
                {"half": one.half, "way": one.way, "questions": len(one.places), "places": list(one.places)}
                | {f"hit@{place}": one.within(place) / len(one.places) for place in (1, 3, 5)}
                | {"hit@3 as first written": one.first_written_within(3) / len(one.places)}
                for one in rows
            ]
        },
        into / "retrieval.json",
    )
    if as_json:
        print_json(told)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("questions", "by", "hit@1", "hit@3", "95% interval", "hit@5"):
        table.add_column(name, justify="left" if name in ("questions", "by") else "right")
    for one in rows:
        count = len(one.places)
        third = share(one.within(3), count)
        table.add_row(
            one.half,
            one.way,
            f"{one.within(1) / count:.2f}",
            f"{third.share:.2f}",
            f"{third.low:.2f} to {third.high:.2f}",
            f"{one.within(5) / count:.2f}",
        )
    console.print(table)
    apart = next(one for one in rows if one.half == "kept-apart" and one.way == "fused")
    before = apart.first_written_within(3)
    holds = "holds" if apart.within(3) >= BAR * len(apart.places) else "does not hold"
    console.print(
        f"The bar, hit@3 of at least {BAR:.2f} on the questions kept apart, {holds}: {apart.within(3)} of "
        f"{len(apart.places)}; {before} by the answers as they were first written.",
        highlight=False,
    )
    console.print(f"[dim]Kept in {into / 'retrieval.json'}.[/]", highlight=False)
