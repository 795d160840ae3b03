"""How imported designs look on a terminal: with the scores they came with, which are never called fitness."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from archdb import Campaign, Experiment, Outline, Store
from archdb.asi_arch import CAVEAT, SCORE, SCORE_TITLE, imported_result
from flows.cli.tables import sparkline


def imported_table(ranked: Sequence[Experiment], title: str = "") -> Table:
    """Imported designs with their scores.

    Args:
        ranked: in the order of the table; those without a score have no rank.
        title: above the table.
    """
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("#", "id", "design", "parent", SCORE_TITLE, "parameters", "mean accuracy", "program"):
        right = name in ("#", SCORE_TITLE, "parameters", "mean accuracy")
        table.add_column(name, justify="right" if right else "left", no_wrap=name in ("id", "design", "parent"))
    for rank, one in enumerate(ranked, 1):
        score, mean = one.objectives.get(SCORE), one.details.get("average")
        table.add_row(
            "" if score is None else str(rank),
            one.id,
            escape(one.name),
            one.parents[0] if one.parents else "",
            "" if score is None else f"{score:.3f}",
            _parameters(one),
            "" if mean is None else f"{mean:.4f}",
            "yes" if one.code else "",
        )
    return table


def print_ranking(console: Console, campaign: Campaign, ranked: Sequence[Experiment]) -> None:
    """The best of an imported campaign, and how their scores may be read."""
    console.print(imported_table(ranked, f"{SCORE_TITLE}s of {campaign.id} (imported)"))
    print_caveat(console)


def print_status(console: Console, campaign: Campaign, experiments: Sequence[Experiment]) -> None:
    """What there is in an imported campaign."""
    with_code = sum(one.code is not None for one in experiments)
    gallery = sum("gallery" in one.tags for one in experiments)
    console.print(
        f"{campaign.id}: imported from {campaign.dataset}, {len(experiments):,} designs, {gallery} of them with "
        f"results and {with_code} with a program. Nothing runs in it.",
        highlight=False,
    )
    console.print(imported_table(sorted(experiments, key=lambda one: (-one.objectives.get(SCORE, -1.0), one.id))))
    print_caveat(console)


def print_caveat(console: Console) -> None:
    console.print(f"[dim]{CAVEAT}[/]", highlight=False, soft_wrap=True)


def print_results(console: Console, store: Store, one: Experiment) -> None:
    """What was published of one design."""
    table = Table(title="\nPublished results", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("what")
    table.add_column("value", justify="right")
    for name, value in rows_of(store, one):
        table.add_row(name, value)
    console.print(table)
    print_caveat(console)


def rows_of(store: Store, one: Experiment) -> list[tuple[str, str]]:
    """(what, value) of everything that was published of a design."""
    result, score = imported_result(store, one), one.objectives.get(SCORE)
    rows = [(SCORE_TITLE, "none" if score is None else f"{score:.4f} of 3")]
    if result is None:
        return rows
    rows.append(("its first name", escape(result.name)))
    if result.parameters is not None:
        rows.append(("parameters", _parameters(one)))
    if result.curve:
        (first, start), (last, end) = result.curve[0], result.curve[-1]
        drawn = sparkline([loss for _, loss in result.curve])
        rows.append((f"training loss, step {first:,} to {last:,}", f"{start:.4f} {drawn} {end:.4f}"))
    if result.curve_nan:
        rows.append(
            ("training loss published as nan", f"{len(result.curve_nan)} times, from step {result.curve_nan[0]:,}")
        )
    accuracies = sorted(result.benchmarks.items(), key=lambda one: (one[0] == "average", one[0]))
    rows += [(f"{name.replace('_', ' ')} (accuracy)", f"{value:.4f}") for name, value in accuracies]
    rows += [(name.replace("_", " "), "nan as published") for name in result.benchmarks_nan]
    return rows


def standing(one: Outline) -> str:
    """How a design stands, in a few words: its fitness, its score of others, or its state."""
    if one.fitness is not None:
        return f"{one.fitness:+.3f}"
    score = one.objectives.get(SCORE) if one.kind == "imported" else None
    return one.state if score is None else f"{SCORE_TITLE} {score:.3f}"


def _parameters(one: Experiment) -> str:
    stage = one.stage("import")
    count = stage.summary.get("parameters") if stage else None
    return "" if count is None else f"{count / 1e6:,.1f}M"
