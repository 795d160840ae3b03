"""``archloop bench search``: which way of choosing parents finds good designs soonest, replayed on a stored table."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, Refused, ScaleName, console_for
from flows.cli.bench_table import CONSTANT, table_file
from flows.cli.measured import RESULTS, Into, conclude, shown

if TYPE_CHECKING:
    from tasks.bench.search import Search, Span


def search(
    scale: ScaleName = "nano",
    replays: Annotated[int, typer.Option(min=2, help="Searches of each sampler; they share their chance.")] = 200,
    sampler: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Besides the one compared with and uniform; all, if none is named."),
    ] = None,
    against: Annotated[
        str, typer.Option(metavar="NAME", help="Compare with this one as if it were the default; empty: the default.")
    ] = "",
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Which sampler finds good designs with the fewest trainings, and by how much?

    Reads the trainings that ``archloop bench table`` has made so far, and trains nothing.
    """
    from evaluation import tried
    from tasks.bench.landscape import Landscape
    from tasks.bench.search import CONTROL, search_study
    from tasks.samplers.registry import DEFAULT, SAMPLERS, way_of

    console = console_for(as_json)
    file = table_file(into, scale)
    against = against or DEFAULT
    try:
        names = dict.fromkeys([against, CONTROL, *(sampler or SAMPLERS)])
        ways = {name: way_of(name).choose for name in names}
        ground = Landscape(*tried(file, scale + CONSTANT))
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    with shown(console, f"Replaying on {len(ground.designs)} designs", replays) as advance:
        found = search_study(ground, ways, against, replays, advance)
    conclude(found.model_dump(mode="json"), into / "search.json", file, console, as_json, _told(found))


def _told(found: "Search") -> list[str]:
    lines = [
        f"{found.designs} designs, {found.failed} of them failed, {found.several_seeds} with several seeds; two "
        f"of them differ in {found.apart:.1f} slots on average. {found.replays} replays of {found.horizon} trainings "
        f"each, of which the first {found.start} are random.",
        "Mean regret over a search (in units of fitness), and after so many trainings:",
    ]
    for name, one in found.samplers.items():
        budgets = "; ".join(f"{at}: {_span(regret)}" for at, regret in one.regret.items())
        lines.append(f"  {name}: {_span(one.area)}; {budgets}")
    lines.append("Differences over a search, paired (negative is better):")
    for name, one in found.samplers.items():
        against = f"  {name}: against {found.default} {_span(one.against_default)}, "
        lines.append(against + f"against uniform {_span(one.against_uniform)}")
    near = [one.distance for one in found.samplers.values()]
    lines.append(f"Proposals stand {min(near):.1f} to {max(near):.1f} slots from the designs that stood for them.")
    return [*lines, found.verdict]


def _span(one: "Span") -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
