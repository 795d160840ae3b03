"""A campaign as its report shows it, read from the store."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, stdev

from archdb import Campaign, Finding, Store, campaign_experiments, list_running
from archdb.cognition import list_findings
from evaluation import Panel
from flows.report.contents import Contents, Design, Lesson, Point, Yardstick
from flows.report.gather_design import gather_design
from flows.report.library import Library
from flows.report.wording import places
from tasks.domain import domain_of, method_of
from tasks.foresight import foresight

AHEAD = 100  # designs whose texts are read together
APART = 30  # of the best designs, that decimals tell apart; of thousands, some are equal but for rounding
PAIR = 2  # a finding about more experiments than this speaks of the population


def gather(store: Store, campaign: Campaign) -> Contents:
    """Read everything that the report of a campaign shows.

    Raises:
        NotFound: a stored text is missing or damaged.
        ValueError: the campaign's domain cannot be imported.
    """
    experiments = campaign_experiments(store, campaign.id)
    findings = list_findings(store, campaign.id)
    running = {one.id: one for one in list_running(store, campaign.id)}
    domain = domain_of(campaign.domain)
    library = Library(store, experiments, domain.baselines(), domain.MEASURES)
    shown = [one for one in experiments if one.kind != "ablation"]  # those stand in the sections of their designs
    gathered = []
    for start in range(0, len(shown), AHEAD):
        library.read_ahead(shown[start : start + AHEAD])
        gathered += [gather_design(library, one, running.get(one.id)) for one in shown[start : start + AHEAD]]
    designs = ranked(gathered)
    yardsticks = _yardsticks(campaign)
    told = without_failures(findings, designs)
    kept = without_superseded(told)
    predictions = foresight(store, campaign)
    return Contents(
        campaign=campaign,
        written_at=time.time(),
        yardsticks=yardsticks,
        designs=tuple(designs),
        lessons=_lessons(kept, library),
        superseded=len(told) - len(kept),
        kinds_of_failure=_kinds_of_failure(designs),
        progress=progress(designs),
        fitness_places=places(sorted(one.fitness for one in designs if one.fitness is not None)[-APART:], least=2),
        method=method_of(campaign.domain),
        foresight=predictions if predictions.predictions else None,
    )


def ranked(designs: Sequence[Design]) -> list[Design]:
    """The designs in the same order, with ranks. A quadratic design has none; equal fitness shares one."""
    bar = [one.fitness for one in designs if one.fitness is not None and not one.quadratic]

    def rank(design: Design) -> int | None:
        if design.fitness is None or design.quadratic:
            return None
        return 1 + sum(other > design.fitness for other in bar)

    return [one.model_copy(update={"rank": rank(one)}) for one in designs]


def progress(designs: Sequence[Design]) -> tuple[Point, ...]:
    """Compute spent and best fitness so far, after each design that was finished."""
    points: list[Point] = []
    spent, best = 0.0, None
    finished = [one for one in designs if one.finished_at is not None]
    for design in sorted(finished, key=lambda one: (one.finished_at or 0.0, one.id)):
        spent += design.cpu_seconds
        if design.fitness is not None and not design.quadratic:
            best = design.fitness if best is None else max(best, design.fitness)
        points.append(Point(design=design, cpu_seconds=spent, best=best))
    return tuple(points)


def without_failures(findings: Sequence[Finding], designs: Sequence[Design]) -> list[Finding]:
    """Findings that rest on at least one evaluated design; that a design failed is told among the failures."""
    failed = {one.id for one in designs if one.failure is not None}
    return [one for one in findings if not one.evidence or not failed.issuperset(one.evidence)]


def without_superseded(findings: Sequence[Finding]) -> list[Finding]:
    """Population findings are repeated as the population grows: only the one that rests on most designs stays."""

    def superseded(old: Finding) -> bool:
        return len(old.evidence) > PAIR and any(
            new.components == old.components and set(new.evidence) > set(old.evidence) for new in findings
        )

    return [one for one in findings if not superseded(one)]


def _lessons(findings: Sequence[Finding], library: Library) -> tuple[Lesson, ...]:
    return tuple(
        Lesson(
            text=one.text,
            effect=one.effect,
            evidence=tuple(library.link(experiment) for experiment in one.evidence),
        )
        for one in sorted(findings, key=lambda one: (-abs(one.effect), one.created_at, one.id))
    )


def _kinds_of_failure(designs: Sequence[Design]) -> tuple[tuple[str, str, int], ...]:
    counts = Counter((one.failure.stage, one.failure.kind) for one in designs if one.failure)
    return tuple((stage, kind, count) for (stage, kind), count in counts.most_common())


def _yardsticks(campaign: Campaign) -> tuple[Yardstick, ...]:
    panel = Panel.model_validate(campaign.panel) if campaign.panel else Panel(reference={}, baselines={})
    found = []
    for name, one in domain_of(campaign.domain).objectives_of(campaign.scale).items():
        seeds = panel.reference.get(name, ())
        baselines = [scores[name] for scores in panel.baselines.values() if name in scores]
        noise = stdev(seeds) if len(seeds) > 1 else None
        spread = stdev(baselines) if len(baselines) > 1 else None
        found.append(
            Yardstick(
                name=name,
                title=one.title,
                unit=one.unit,
                task=one.task,
                better=one.better,
                reference=fmean(seeds) if seeds else None,
                noise=noise,
                spread=spread,
                scale=math.hypot(noise, spread) if noise is not None and spread is not None else None,
            )
        )
    return tuple(found)
