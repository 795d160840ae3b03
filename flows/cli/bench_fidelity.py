"""``archloop bench fidelity``: how much of a training is needed to find the best designs, read off a stored table."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, Refused, ScaleName, console_for
from flows.cli.bench_table import CONSTANT, table_file
from flows.cli.measured import RESULTS, Into, conclude

if TYPE_CHECKING:
    from evaluation import Fidelity, Interval, LadderSaving, Stopping


def fidelity(
    scale: ScaleName = "nano",
    false_kills: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of good designs that early stopping may end.")
    ] = 0.05,
    into: Into = RESULTS,
    as_json: AsJson = False,
) -> None:
    """How much compute do rungs and early stopping save, and what do they lose?

    Reads the trainings that ``archloop bench table`` has made so far, and trains nothing.
    """
    from evaluation import fidelity_study

    console = console_for(as_json)
    file = table_file(into, scale)
    try:
        found = fidelity_study(file, scale + CONSTANT, false_kills)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    conclude(found.model_dump(mode="json"), into / f"fidelity-{scale}.json", file, console, as_json, _told(found))


def _told(found: "Fidelity") -> list[str]:
    failed = ", ".join(f"{count} {kind}" for kind, count in found.failed.items()) or "none"
    lines = [
        f"{found.designs} designs trained to the end, {found.three_seeds} of them with three seeds; failed: {failed}. "
        f"True best: the {found.wanted} of each half that are best by {found.truth}.",
        "Rank correlation with fitness after the whole training, of the same seed (and of other seeds, over the best):",
    ]
    for rung in found.rungs:
        others = f"; others {_interval(rung.other_seeds)}" if rung.other_seeds else ""
        lines.append(f"  after {rung.share:.4g} of it: {_interval(rung.same_seed)}{others}")
    for title, several in (("One seed", found.ladders), ("Three seeds at the end", found.ladders_with_seeds)):
        lines += [f"{title}, ladder chosen on one half, measured on the other:"] if several else []
        lines += [f"  {_ladder(one)}" for one in several]
    lines.append("Early stopping by streamed losses, fitted on one half, applied to the other:")
    return lines + [f"  {_stopping(one)}" for one in found.stopping]


def _ladder(one: "LadderSaving") -> str:
    how = "no ladder saved anything on the other half"
    if one.ladder is not None:
        how = f"rungs {', '.join(f'{at:g}' for at in one.ladder.shares)}, one in {one.ladder.eta:g} goes on"
    return (
        f"{how}: saves {_interval(one.saving)} times at recall {_interval(one.recall)} (training everything: "
        f"{one.full_recall.value:.2f}); with checks {one.saving_with_checks.value:.2f}, without pauses "
        f"{one.saving_anew.value:.2f} times."
    )


def _stopping(one: "Stopping") -> str:
    kills = one.false_kills
    return (
        f"{one.stopped.count} of {one.designs} ended early, saving {one.saved:.0%} of the compute; false kills "
        f"{kills.count} of {kills.of} good ones: {kills.share:.1%} (95% interval {kills.low:.1%} to {kills.high:.1%}); "
        f"of the {one.best_lost.of} best {one.best_lost.count} lost. Aimed at {one.rule.false_kill_rate:.0%}."
    )


def _interval(one: "Interval") -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"
