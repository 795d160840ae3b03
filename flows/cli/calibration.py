"""``archloop calibration CAMPAIGN``: do the Researcher's predictions mean anything?"""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from flows.cli.asked import AsJson, Given, Named, console_for, one_campaign, print_json

if TYPE_CHECKING:
    from evaluation import Interval, Share
    from tasks.calibration import Calibration, Scores


def calibration(given: Given = None, named: Named = None, as_json: AsJson = False) -> None:
    """Hold the Researcher's predictions against what was measured: by confidence, and against the base rate."""
    from archdb import get_campaign, open_store
    from tasks.domain import domain_of
    from tasks.foresight import foresight

    campaign = one_campaign(given, named)
    console = console_for(as_json)
    with console.status("Reading the predictions"):
        record = get_campaign(open_store(), campaign)
        found = foresight(open_store(), record)
    if as_json:
        print_json({"campaign": record.id} | found.model_dump(mode="json"))
        return
    if not found.predictions:
        console.print(f"{record.id}: no prediction was made of a design that has ended.", highlight=False)
        return
    titles = {name: one.title for name, one in domain_of(record.domain).objectives_of(record.scale).items()}
    _print(console, record.id, found, titles)


def _print(console: Console, name: str, found: "Calibration", titles: dict[str, str]) -> None:
    measured = found.scores.right.of if found.scores else 0
    console.print(
        f"{name}: {found.predictions} predictions, {measured} measured, {found.failed} of designs that failed, "
        f"{found.unmeasured} without a parent's gain, {found.unsigned} without a sign",
        highlight=False,
    )
    if found.scores is not None:
        console.print(_bins(found))
        console.print(_scores(found, found.scores, titles))
    console.print(found.verdict, highlight=False)


def _bins(found: "Calibration") -> Table:
    table = Table(title="\nBy confidence", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for header in ("confidence", "predictions", "mean", "right sign", "right, beyond the noise"):
        table.add_column(header, justify="right")
    for one in found.bins:
        table.add_row(
            f"{one.low:g} to {one.high:g}",
            str(one.right.of),
            f"{one.confidence:.2f}",
            _share(one.right),
            _share(one.clear) if one.clear else "-",
        )
    return table


def _scores(found: "Calibration", scores: "Scores", titles: dict[str, str]) -> Table:
    table = Table(title="\nTogether", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("of")
    for header in ("predictions", "right sign", "gains up", "Brier", "skill", "overconfidence", "rank correlation"):
        table.add_column(header, justify="right")
    rows = {"all": scores} | ({"beyond the noise": found.clear} if found.clear else {})
    for name, one in (rows | {titles.get(name, name): one for name, one in found.objectives.items()}).items():
        table.add_row(
            name,
            f"{one.right.of} of {one.designs} designs",
            _share(one.right),
            f"{one.base_rate:.0%}",
            f"{one.brier:.3f}",
            *map(_interval, (one.skill, one.excess, one.rank)),
        )
    return table


def _share(one: "Share") -> str:
    return f"{one.share:.0%} ({one.low:.0%} to {one.high:.0%})"


def _interval(one: "Interval | None") -> str:
    return "-" if one is None else f"{one.value:+.2f} ({one.low:+.2f} to {one.high:+.2f})"
