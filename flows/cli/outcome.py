"""How a campaign ended: the leaderboard, what was learned, and where to look next."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from archdb import Finding, Outline, get_campaign, get_text, home, leaderboard, open_store, walk_outlines
from archdb.cognition import list_findings
from flows.cli.tables import leaderboard_table, summary_of
from tasks.domain import domain_of
from tasks.replay.account import account, sentences

MOST_ROWS = 15


def print_outcome(console: Console, name: str, report: str) -> dict[str, Any]:
    """Print the end of a campaign, and return the same for a machine."""
    store = open_store()
    campaign = get_campaign(store, name)
    designs = list(walk_outlines(store, name))
    ranked = leaderboard(store, name, MOST_ROWS)
    objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
    learned = what_was_learned(designs, list_findings(store, name))
    failed = [one for one in designs if one.failure is not None]
    ablations = [one for one in designs if one.kind == "ablation" and one.failure is None and one.analysis]
    knocked_out = [get_text(store, one.analysis or "") for one in ablations]
    console.print()
    console.print(leaderboard_table(ranked, objectives, f"Leaderboard of {name} ({campaign.scale} scale)"))
    console.print()
    for one in failed:
        console.print(f"failed: {one.id} {one.name}, {_why(one)}", markup=False, highlight=False)
    for text in knocked_out:
        console.print(f"Ablation: {text}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Learned: {learned}", markup=False, highlight=False, soft_wrap=True)
    replay = account(store, campaign)
    for line in sentences(replay) if replay else ():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()
    for what, where in links(report).items():
        console.print(f"{what:<22}{where}", markup=False, highlight=False, soft_wrap=True)
    return {
        "campaign": name,
        "leaderboard": [summary_of(campaign, one) for one in ranked],
        "failed": [summary_of(campaign, one) for one in failed],
        "ablations": knocked_out,
        "learned": learned,
        "report": report,
    } | ({"replay": replay.model_dump()} if replay else {})


def what_was_learned(designs: Sequence[Outline], findings: list[Finding]) -> str:
    """One line: how the best design stands against the reference, and the finding with the most evidence behind it."""
    candidates = [one for one in designs if one.kind == "candidate" and one.fitness is not None]
    if not candidates:
        return "no candidate was evaluated to its end yet."
    best = max(candidates, key=lambda one: one.fitness or 0.0)
    bar = max(
        (one for one in designs if one.kind == "baseline" and one.fitness is not None and "quadratic" not in one.tags),
        key=lambda one: one.fitness or 0.0,
        default=None,
    )
    line = f"{best.name} ({best.id}) leads the new designs with fitness {best.fitness:+.2f}"
    if bar is not None:
        best_of = "best sub-quadratic baseline" if any("quadratic" in one.tags for one in designs) else "best baseline"
        line += f"; the {best_of}, {bar.name}, has {bar.fitness:+.2f}"
    line += " (one seed each: a screening result, not a claim)."
    told = max(findings, key=lambda one: (min(len(one.evidence), 3), abs(one.effect)), default=None)
    return line if told is None else f"{line} {told.text}"


def links(report: str) -> dict[str, str]:
    """Where to look next, as commands that work from this folder."""
    program = Path(sys.argv[0])
    archloop = os.path.relpath(program) if program.name == "archloop" and program.exists() else "archloop"
    prefix = f"ARCHLOOP_HOME={home()} " if os.environ.get("ARCHLOOP_HOME") else ""
    return {
        "Report": report,
        "Prefect and MLflow UI": f"{prefix}{archloop} up",
        "More": f"{prefix}{archloop} show ID | diff ID | lineage ID | evaluate FILE",
    }


def _why(one: Outline) -> str:
    return f"{one.failure.stage}: {one.failure.message}" if one.failure else ""
