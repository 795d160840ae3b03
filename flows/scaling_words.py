"""What laws of discovery and a bend of scores say, in sentences: the same on the command line and in the report."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from evaluation import Discovery, FittedLaw, Flattening
    from tasks.discoveries import Search


class LawRow(NamedTuple):
    """A fitted law as a row of a table."""

    law: str
    formula: str
    shape: str
    interval: str
    above: str  # AICc, above the best one's
    weight: str
    fits: str


COLUMNS = LawRow("law", "expected until C", "shape", "95% interval", "AICc, above the best", "weight", "fits (p)")


def what_was_found(search: "Search", law: "Discovery", least: int) -> list[str]:
    """How many discoveries there were, and how often; ``least`` are needed to compare laws."""
    from tasks.discoveries import MEANING

    many = law.compute >= 1000
    per, of = (1000, f"a thousand {search.unit}") if many else (1, f"one {search.unit.removesuffix('s')}")
    told = [
        f"{search.campaign}: {law.discoveries} {MEANING[search.what]}, in {_told(law.compute)} {search.unit} and "
        f"{len(search.scores):,} scored designs.",
        f"On average {_told(per * law.rate)} in {of} (95% interval {_told(per * law.rate_low)} to "
        f"{_told(per * law.rate_high)} if their rate is constant).",
    ]
    if search.assumed:
        told.insert(1, search.assumed)
    if not law.laws:
        told.append(f"Too few to compare laws: {least} are needed.")
    return told


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def law_rows(law: "Discovery") -> list[LawRow]:
    """The laws, the best one first."""
    return [
        LawRow(
            one.name,
            one.formula,
            "" if one.value is None else f"{one.parameter} = {one.value:.3g}" if _bounded(one) else "",
            _interval(one),
            f"{one.criterion - law.laws[0].criterion:.1f}",
            f"{one.weight:.2f}",
            f"{'yes' if one.p >= 0.05 else 'no'} ({one.p:.3f})",
        )
        for one in law.laws
    ]


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


def verdict(law: "Discovery", search: "Search") -> str:
    """Which law the moments speak for, and what it foretells if it fits."""
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


def where_it_flattens(search: "Search", bend: "Flattening | None", least: int) -> list[str]:
    """Whether scores bend, and where; ``least`` are needed to tell."""
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
