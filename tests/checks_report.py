"""How good are the checks? ``make checks-report``, or ``python -m tests.checks_report`` with its options.

Runs every seeded bug on both bases, every control, every baseline and random designs of the grammar through the real
check in real jailed children, and prints what was missed, what was flagged though right, and the two rates last. Exits
with 1 if there is any of either.
"""

import argparse
import random
import statistics
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.seeded_bugs.cases import (
    SCALE,
    Case,
    Outcome,
    baseline_cases,
    bug_cases,
    control_cases,
    grammar_cases,
    run_cases,
)

DESIGNS = 200
SEED = 20
EVERY = 20  # lines of progress where there is no terminal


def chosen(seed: int, sample: int | None, only: list[str]) -> list[Case]:
    """All cases; with ``sample``, that many bugs and a third as many correct layers of each kind; or those named."""
    bugs, right = bug_cases(), [control_cases(), baseline_cases(), grammar_cases(DESIGNS, seed)]
    if only:
        found = [case for case in (*bugs, *(case for kind in right for case in kind)) if case.name in only]
        missing = set(only) - {case.name for case in found}
        if missing:
            sys.exit(f"There is no bug, control, baseline or drawn design named {', '.join(sorted(missing))}.")
        return found
    if sample is None:
        return [*bugs, *(case for kind in right for case in kind)]
    rng = random.Random(seed)
    drawn = rng.sample(bugs, min(sample, len(bugs)))
    return [*drawn, *(case for kind in right for case in rng.sample(kind, min(-(-sample // 3), len(kind))))]


def run_shown(cases: list[Case]) -> list[Outcome]:
    """Run all with a bar on a terminal, else with a line now and then; what goes wrong is told at once."""
    console = Console(stderr=True)
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task, ended = progress.add_task("checks", total=len(cases)), 0

        def told(outcome: Outcome) -> None:
            nonlocal ended
            ended += 1
            progress.advance(task)
            if not outcome.right:
                progress.console.print(f"wrong: {outcome.case.label}: {outcome.got}", highlight=False, markup=False)
            if not console.is_terminal and ended % EVERY == 0:
                print(f"{ended} of {len(cases)} checked", file=sys.stderr, flush=True)

        return run_cases(cases, told)


def table(outcomes: list[Outcome]) -> str:
    """One line a bug and base: expected, got, seconds."""
    lines = [f"{'bug':36} {'base':15} {'expected':28} {'':6} {'seconds':>7}  got"]
    for outcome in outcomes:
        case, bug = outcome.case, outcome.case.bug
        assert bug is not None
        expected = f"{bug.verdict} {' or '.join(bug.expects)}"
        mark = "caught" if outcome.right else "MISSED"
        lines.append(f"{case.name:36} {case.base:15} {expected:28} {mark} {outcome.seconds:7.1f}  {outcome.got}")
    return "\n".join(lines)


def evidence(outcome: Outcome) -> str:
    """What a person needs to see why an outcome is wrong."""
    case, bug = outcome.case, outcome.case.bug
    head = f"FLAGGED, though right: {case.label}"
    if bug is not None:
        head = f"MISSED: {case.label} (expected {bug.verdict} {' or '.join(bug.expects)}): {bug.says}"
    return "\n".join([head, *(f"    {' '.join(part)}" for part in outcome.said or [("everything passed",)])])


def times(outcomes: list[Outcome]) -> str:
    """How long a check of a correct layer takes, in the child's CPU time and by the wall clock."""
    fast = [outcome for outcome in outcomes if not (outcome.case.edit and outcome.case.edit.full)]
    reports = [(outcome.report.cpu_seconds, outcome.seconds) for outcome in fast if outcome.report is not None]
    if len(reports) < 2:
        return ""
    words = []
    for name, values in zip(("CPU", "wall clock"), zip(*reports, strict=True), strict=True):
        p90 = statistics.quantiles(values, n=10, method="inclusive")[-1]
        words.append(f"{name} median {statistics.median(values):.1f} s, p90 {p90:.1f} s")
    return f"time a check (fast tier, correct layers, two at a time): {'; '.join(words)}"


def warnings(outcomes: list[Outcome]) -> str:
    """How many correct layers were warned of what."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        for verdict, name, _ in outcome.said:
            if verdict == "warn":
                counts[name] = counts.get(name, 0) + 1
    return "warnings on correct layers: " + (", ".join(f"{name} {n}" for name, n in counts.items()) or "none")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.checks_report", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--sample", type=int, metavar="N", help="only N bugs, and a third as many of each right kind")
    parser.add_argument("--seed", type=int, default=SEED, metavar="S", help=f"of designs and samples (default {SEED})")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this bug, control or baseline"
    )
    given = parser.parse_args()
    cases = chosen(given.seed, given.sample, given.only)
    print(f"{len(cases)} checks at the {SCALE} scale, seed {given.seed}", flush=True)
    outcomes = run_shown(cases)
    bugs = [outcome for outcome in outcomes if outcome.case.bug is not None]
    right = [outcome for outcome in outcomes if outcome.case.bug is None]
    wrong = [outcome for outcome in outcomes if not outcome.right]
    if bugs:
        print(table(bugs))
    for outcome in wrong:
        print(f"\n{evidence(outcome)}")
    if right:
        print(f"\n{warnings(right)}\n{times(right)}")
    print(f"caught {sum(one.right for one in bugs)} of {len(bugs)} seeded bugs")
    print(f"flagged {sum(not one.right for one in right)} of {len(right)} correct layers")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
