"""``archloop scaling CAMPAIGN``: does discovery grow with compute, and where does the search flatten?"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.asked import AsJson, Refused, console_for, print_json

if TYPE_CHECKING:
    from evaluation import Discovery, FittedLaw, Flattening
    from tasks.discoveries import Search


class Discoveries(StrEnum):
    """What counts as a discovery."""

    breakthroughs = "breakthroughs"
    above = "above"
    records = "records"
    gallery = "gallery"


def scaling(
    campaign: Annotated[str, typer.Argument(help="The campaign's name; an imported one, too.")] = "default",
    what: Annotated[
        Discoveries | None,
        typer.Option(
            help="What counts as a discovery: verified breakthroughs, designs screened above the best baseline, new "
            "records, or an imported campaign's gallery."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="The picture to write; scaling.png beside the report if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit laws to a campaign's discoveries against compute, compare them, and say where its scores flatten.

    Linear, power, logarithmic and saturating laws are fitted to the moments of discovery and compared by AICc; each is
    held against searches that it simulates, to see whether it fits at all (docs/scaling.md).
    """
    from archdb import get_campaign, open_store
    from evaluation import LEAST_DISCOVERIES, LEAST_SCORES, discovery_law, flattening
    from flows.report.scaling import draw_scaling
    from flows.report_folder import report_folder
    from tasks.discoveries import search_of

    console = console_for(as_json)
    with console.status("Fitting laws"):
        store = open_store()
        try:
            search = search_of(store, get_campaign(store, campaign), what.value if what else None)
        except ValueError as fault:
            raise Refused(str(fault)) from fault
        law = discovery_law(search.moments, search.compute)
        bend = flattening(search.scores) if len(search.scores) >= LEAST_SCORES else None
        file = plot or report_folder(campaign) / "scaling.png"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(draw_scaling(search, law, bend))
        except OSError as fault:
            raise Refused(f"{file} cannot be written ({fault.strerror or fault}): give another path.") from fault
    if as_json:
        found = {"discovery": law.model_dump(mode="json"), "flattening": bend and bend.model_dump(mode="json")}
        print_json(search.model_dump(mode="json") | found | {"plot": str(file)})
        return
    for sentence in _told(search, law, LEAST_DISCOVERIES):
        console.print(sentence, highlight=False, markup=False)
    if law.laws:
        console.print(_table(law, search.unit))
        console.print(_verdict(law, search), highlight=False)
    for sentence in _flat(search, bend, LEAST_SCORES):
        console.print(sentence, highlight=False)
    console.print(f"[dim]Drawn in {file}.[/]", highlight=False, soft_wrap=True)


def _told(search: "Search", law: "Discovery", least: int) -> list[str]:
    from tasks.discoveries import MEANING

    many = law.compute >= 1000
    per, of = (1000, f"a thousand {search.unit}") if many else (1, f"one of the {search.unit}")
    told = [
        f"{search.campaign}: {law.discoveries} {MEANING[search.what]}, in {law.compute:,.1f} {search.unit} and "
        f"{len(search.scores):,} scored designs.",
        f"On average {per * law.rate:.3g} in {of} (95% interval {per * law.rate_low:.3g} to {per * law.rate_high:.3g} "
        "if their rate is constant).",
    ]
    if search.assumed:
        told.insert(1, search.assumed)
    if not law.laws:
        told.append(f"Too few to compare laws: {least} are needed.")
    return told


def _table(law: "Discovery", unit: str) -> Table:
    table = Table(title=f"\nLaws, C in {unit}", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("law", "expected until C", "shape", "95% interval", "AICc, above the best", "weight", "fits (p)"):
        table.add_column(name, justify="left" if name in ("law", "expected until C") else "right")
    for one in law.laws:
        table.add_row(
            one.name,
            one.formula,
            "" if one.value is None else f"{one.parameter} = {one.value:.3g}" if _bounded(one) else "",
            _interval(one),
            f"{one.criterion - law.laws[0].criterion:.1f}",
            f"{one.weight:.2f}",
            f"{'yes' if one.p >= 0.05 else 'no'} ({one.p:.3f})",
        )
    return table


def _bounded(one: "FittedLaw") -> bool:
    return one.low is not None and one.high is not None


def _interval(one: "FittedLaw") -> str:
    if one.low is None and one.high is None:
        return "" if one.value is None else "none"
    if one.high is None:
        return f"{one.parameter} above {one.low:,.3g}"
    if one.low is None:
        return f"{one.parameter} below {one.high:,.3g}"
    return f"{one.low:,.3g} to {one.high:,.3g}"


def _verdict(law: "Discovery", search: "Search") -> str:
    best, ahead = law.laws[0], law.curve[-1]
    if len(law.alike) > 1:
        told = f"{', '.join(law.alike)}: these cannot be told apart"
    else:
        told = f"The {best.name} law is the best of the four"
    if best.p < 0.05:
        return f"{told}, but none fits: the moments are not what any of them would give. Nothing is foretold."
    return (
        f"{told}. By the {best.name} one, twice the compute ({ahead.compute:,.3g} {search.unit}) would give "
        f"{ahead.expected:.0f} (95% interval {ahead.low:.0f} to {ahead.high:.0f}), if it went on to hold."
    )


def _flat(search: "Search", bend: "Flattening | None", least: int) -> list[str]:
    if bend is None:
        return [f"Where scores flatten is not told for fewer than {least} of them."]
    slope = (
        f"{bend.before:+.3g} in {search.score} per hundred designs before ({bend.before_low:+.3g} to "
        f"{bend.before_high:+.3g}), {bend.after:+.3g} after ({bend.after_low:+.3g} to {bend.after_high:+.3g})"
    )
    told = [
        f"Scores bend at design {bend.bend:.0f} of {bend.designs:,} (95% interval {bend.bend_low:.0f} to "
        f"{bend.bend_high:.0f}): {slope}."
        if bend.bends
        else f"Scores do not bend: {slope}."
    ]
    return [*told, f"The best so far came as design {bend.last_record:,}: {bend.since:.0%} of the search lie after it."]
