"""Tables for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from archdb import Campaign, Experiment, ModelCall, Outline
from archdb.asi_arch import CAVEAT
from evaluation import CLAIM
from tasks.replay.account import WHAT

SIGNS = "▁▂▃▄▅▆▇█"
MOST_COLUMNS = 4  # of objectives; a terminal has no room for more


def leaderboard_table(ranked: Sequence[Outline], titles: Mapping[str, Any], title: str = "Leaderboard") -> Table:
    """Designs by fitness. The reference is marked, and designs of quadratic cost are shown but never the bar.

    Where there are too many objectives for a terminal, the best and the worst gain stand for all; `archloop show` and
    the report have every value.

    Args:
        ranked: experiments with a fitness, best first.
        titles: objective name -> its record, for headers and units.
        title: above the table.
    """
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("id", no_wrap=True)
    table.add_column("design", no_wrap=True)
    table.add_column("fitness", justify="right")
    for header in _headers(titles):
        table.add_column(header, justify="right")
    table.add_column("CPU-s", justify="right")
    for rank, one in enumerate(ranked, 1):
        style = "bold" if "reference" in one.tags else "dim" if "quadratic" in one.tags else ""
        table.add_row(
            str(rank),
            one.id,
            escape(one.name) + _mark(one),
            f"{one.fitness:+.3f}" if one.fitness is not None else "-",
            *_cells(one, titles),
            f"{one.cpu_seconds:.0f}",
            style=style,
        )
    return table


def _headers(titles: Mapping[str, Any]) -> list[str]:
    if len(titles) > MOST_COLUMNS:
        return ["best gain", "worst gain"]
    return [f"{one.title.lower()} {'↓' if one.better == 'lower' else '↑'}" for one in titles.values()]


def _cells(one: Outline, titles: Mapping[str, Any]) -> list[str]:
    if len(titles) <= MOST_COLUMNS:
        return [f"{one.objectives[name]:.4f}" if name in one.objectives else "-" for name in titles]
    gains = sorted((gain, titles[name].title.lower()) for name, gain in one.gains.items() if name in titles)
    return [f"{title} {gain:+.2f}" for gain, title in (gains[-1], gains[0])] if gains else ["-", "-"]


def _mark(one: Outline) -> str:
    if "reference" in one.tags:
        return f" (reference, {len(one.seeds)} seeds)"
    if "quadratic" in one.tags:
        return " (quadratic)"
    return {"baseline": " (baseline)", "external": " (your file)"}.get(one.kind, "")


def experiments_table(experiments: Sequence[Outline]) -> Table:
    """Every experiment of a campaign and how it stands."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for name in ("id", "design", "parent", "state", "fitness", "what happened"):
        table.add_column(name, justify="right" if name == "fitness" else "left", no_wrap=name in ("id", "parent"))
    for one in experiments:
        told = f"after {one.reached}" if one.reached and one.state == "open" else ""
        if one.failure:
            told = f"{one.failure.stage}: {one.failure.message}"
        table.add_row(
            one.id,
            escape(one.name),
            one.parents[0] if one.parents else "",
            {"done": "[green]done[/]", "failed": "[red]failed[/]", "open": "[yellow]open[/]"}[one.state],
            f"{one.fitness:+.3f}" if one.fitness is not None else "",
            escape(told),
        )
    return table


def efficiency_table(one: Outline, measures: Mapping[str, Any], beside: Outline | None = None) -> Table | None:
    """What a design costs to run, beside another one if there is one; None if nothing was measured.

    Args:
        one: the experiment.
        measures: name -> its record, in the order of the table.
        beside: usually the reference.
    """
    if not one.efficiency:
        return None
    table = Table(title="\nEfficiency", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("measure")
    table.add_column("value", justify="right")
    if beside is not None:
        table.add_column(escape(beside.name), justify="right")
    table.add_column("unit")
    table.add_column("by")
    for name, measure in measures.items():
        if name in one.efficiency:
            other = [] if beside is None else [readable(beside.efficiency.get(name))]
            by = "the design's claim" if name.startswith(CLAIM) else "measured"
            table.add_row(measure.title, readable(one.efficiency[name]), *other, measure.unit, by)
    return table


def calls_table(calls: Sequence[ModelCall]) -> Table | None:
    """What models were asked for an experiment, and what came of it; None where none was asked."""
    if not calls:
        return None
    table = Table(title="\nModel calls", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("role", "call", "model", "outcome"):
        table.add_column(name)
    for name in ("attempts", "tokens in", "tokens out", "dollars", "seconds"):
        table.add_column(name, justify="right")
    for one in calls:
        told = f"{one.outcome}: {one.message}" if one.message else one.outcome
        if one.diverged:
            told += f"; the prompt is not the recorded one: {WHAT[one.diverged]} differs"
        counts = (len(one.attempts), one.prompt_tokens, one.completion_tokens)
        dollars = "-" if one.dollars is None else f"{one.dollars:.4f}"
        table.add_row(
            one.role, str(one.number), escape(one.model), escape(told), *map(str, counts), dollars, f"{one.seconds:.1f}"
        )
    return table


def repeats_of(one: Experiment) -> list[str]:
    """A sentence for each proposal of a design that repeats an earlier one's idea; see tasks/reconsider.py."""
    stage = one.stage("propose", 0)
    told = []
    for found in stage.summary.get("repeats", []) if stage else []:
        ground = "the same components on the same parent"
        if found["ground"] == "words":
            ground = f"a motivation that reads alike, similarity {found['similarity']:.2f}"
        replaced = stage is not None and found["number"] < stage.summary["kept"]
        then = "another was asked for" if replaced else "it went on all the same"
        which = ("first", "second")[found["number"]]
        told.append(f"The {which} proposal, {found['proposal']}, repeats {found['of']} ({ground}): {then}.")
    return told


def readable(value: float | None) -> str:
    """A number of any size in few digits; a dash for none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """A curve in one line of text, scaled to its own range."""
    if len(values) < 2:
        return ""
    step = max(1, -(-len(values) // width))
    thinned = [values[index] for index in range(0, len(values), step)]
    low, high = min(thinned), max(thinned)
    span = (high - low) or 1.0
    return "".join(SIGNS[int((value - low) / span * (len(SIGNS) - 1))] for value in thinned)


def summary_of(campaign: Campaign, one: Outline) -> dict[str, Any]:
    """An experiment as JSON for a machine: scores, standing and links, without the bulk."""
    return {
        "id": one.id,
        "campaign": campaign.id,
        "scale": campaign.scale,
        "kind": one.kind,
        "name": one.name,
        "state": one.state,
        "parents": list(one.parents),
        "fitness": one.fitness,
        "objectives": one.objectives,
        "gains": one.gains,
        "efficiency": one.efficiency,
        "components": one.components,
        "cpu_seconds": one.cpu_seconds,
        "failure": one.failure.model_dump() if one.failure else None,
        "mlflow_run": one.mlflow_run,
    } | (imported_summary(one) if isinstance(one, Experiment) and one.kind == "imported" else {})


def imported_summary(one: Experiment) -> dict[str, Any]:
    """What an imported design has besides, for a machine: its published results, and how its score may be read."""
    return {"details": one.details, "has_program": one.code is not None, "scores": CAVEAT}
