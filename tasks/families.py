"""A campaign by root family: what came of the designs that descend from each of the baselines that it started from.

A design's family is its first ancestor along first parents. Families compete for the same cycles, so a sampler gives
more of them to what does well: numbers of designs compare nothing, shares and rates do.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from archdb import Campaign, Outline, Store, campaign_outlines, list_verified
from evaluation import rate_interval
from tasks.discoveries import What, discovered
from tasks.rivals import repeated_design

NOWHERE = ""


class Family(BaseModel):
    """What descends from one baseline."""

    model_config = ConfigDict(frozen=True)

    root: str  # id of the first ancestor; NOWHERE of designs that have none
    name: str
    root_fitness: float | None
    designs: int  # that were finished or failed
    failures: int
    best: float | None  # fitness of the best design, the root left out
    best_design: str | None
    combinations: int  # of components, each counted once
    distance: float | None  # mean share of slots in which two designs differ; None for fewer than two
    discoveries: int
    cpu_hours: float  # of its designs, their ablations, and their trainings on fresh seeds
    rate: float | None  # discoveries in a CPU-hour; None before any was spent
    rate_low: float | None  # exact 95% interval, as if the rate were constant
    rate_high: float | None
    curve: tuple[tuple[float, float], ...]  # (CPU-hours spent on the family, best fitness so far), from the root on


class Families(BaseModel):
    """All families of a campaign, those with the best design first."""

    model_config = ConfigDict(frozen=True)

    campaign: str
    chosen: tuple[str, ...]  # names of those that the search was to start from; empty: all
    what: What  # counts as a discovery
    families: tuple[Family, ...]


def families_of(store: Store, campaign: Campaign) -> Families:
    """The families of a campaign of this laboratory; those that nothing descends from are left out.

    Args:
        store: where.
        campaign: whose.
    """
    outlines = campaign_outlines(store, campaign.id)
    found = discovered(outlines, list_verified(store, campaign.id))
    known = {one.id: one for one in outlines}
    paid: dict[str, list[Outline]] = defaultdict(list)
    for one in outlines:
        if one.kind not in ("baseline", "external", "imported"):
            paid[_root(one, known)].append(one)
    families = [_family(root, some, known, found.designs) for root, some in paid.items() if any(map(_counts, some))]
    families.sort(key=lambda one: (-(one.best if one.best is not None else -1e9), one.name))
    return Families(campaign=campaign.id, chosen=campaign.families, what=found.what, families=tuple(families))


def _counts(one: Outline) -> bool:
    return one.kind == "candidate" and one.state != "open"


def _root(one: Outline, known: Mapping[str, Outline]) -> str:
    """The first ancestor; none of a design without parents. A training on fresh seeds has no path: it belongs to the
    design that its id begins with.
    """
    if one.kind == "verification":
        design = known.get(repeated_design(one.id))
        return _root(design, known) if design is not None and design.kind != "verification" else one.id
    return one.path[0] if one.path else NOWHERE


def _family(root: str, paid: Sequence[Outline], known: Mapping[str, Outline], found: Collection[str]) -> Family:
    """What is known of those that were ``paid`` for, the root left out."""
    first = known.get(root)
    start = first.fitness if first is not None and first.kind == "baseline" else None
    members = [one for one in paid if _counts(one)]
    scored = [one for one in members if one.fitness is not None]
    best = max(scored, key=lambda one: (one.fitness or 0.0, one.id), default=None)
    described = [one.components for one in members if one.components]
    discoveries = sum(one.id in found for one in members)
    hours = sum(one.cpu_seconds for one in paid) / 3600
    low, high = rate_interval(discoveries, hours) if hours > 0 else (None, None)
    return Family(
        root=root,
        name=first.name if first is not None else root or "without parents",
        root_fitness=start,
        designs=len(members),
        failures=sum(one.failure is not None for one in members),
        best=best.fitness if best else None,
        best_design=best.id if best else None,
        combinations=len({tuple(sorted(one.items())) for one in described}),
        distance=mean_distance(described),
        discoveries=discoveries,
        cpu_hours=hours,
        rate=discoveries / hours if hours > 0 else None,
        rate_low=low,
        rate_high=high,
        curve=_curve(paid, start),
    )


def mean_distance(described: Sequence[Mapping[str, str]]) -> float | None:
    """The share of slots in which two designs differ, over all pairs; a slot that a design lacks is a choice, too.

    Pairs are counted slot by slot from how often each choice is made, which takes as long as reading the designs.
    """
    count = len(described)
    slots = {slot for one in described for slot in one}
    if count < 2 or not slots:
        return None
    pairs = count * (count - 1)
    alike = sum(n * (n - 1) for slot in slots for n in Counter(one.get(slot) for one in described).values())
    return 1 - alike / (pairs * len(slots))


def _curve(paid: Sequence[Outline], start: float | None) -> tuple[tuple[float, float], ...]:
    """The best fitness of designs so far after each training that ended, against what the family had cost until then.

    What has not ended comes last.
    """
    points = [] if start is None else [(0.0, start)]
    hours, best = 0.0, start
    for one in sorted(paid, key=lambda one: (one.finished_at is None, one.finished_at or 0.0, one.id)):
        hours += one.cpu_seconds / 3600
        if _counts(one) and one.fitness is not None:
            best = one.fitness if best is None else max(best, one.fitness)
        if best is not None and one.cpu_seconds:
            points.append((hours, best))
    return tuple(points)
