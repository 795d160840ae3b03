"""When a campaign discovered something, on the axis of the compute that it had spent until then."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from archdb import (
    Campaign,
    Outline,
    Store,
    Verified,
    campaign_experiments,
    campaign_outlines,
    get_experiment,
    list_verified,
)
from archdb.asi_arch import SCORE
from tasks.rivals import repetitions_of

Own = Literal["breakthroughs", "above", "records"]
What = Literal[Own, "gallery"]
OWN: tuple[Own, ...] = ("breakthroughs", "above", "records")
DESIGNS = ("candidate", "external")  # that a search or a person made
PUBLISHED_GPU_HOURS = 20_000.0  # ASI-Arch's own figure, arXiv 2507.18074
MEANING = {
    "breakthroughs": "designs that were verified as breakthroughs on fresh seeds",
    "above": "screened designs above the best baseline that has a rank, by one seed",
    "records": "designs better than all before them",
    "gallery": "designs that ASI-Arch published as better than its baseline, by its own criterion",
}


class Search(BaseModel):
    """A campaign as a row of scores and the moments of its discoveries."""

    model_config = ConfigDict(frozen=True)

    campaign: str
    what: What
    unit: str  # of compute
    compute: float  # spent in all, baselines left out
    moments: tuple[float, ...]  # compute spent when a discovery was made
    scores: tuple[float, ...]  # of designs, in the order in which they were found; failed ones have none
    score: str  # what they are
    assumed: str = ""  # what the record does not say


def search_of(store: Store, campaign: Campaign, what: What | None = None) -> Search:
    """A campaign as a search.

    Args:
        campaign: one of this laboratory, or an imported one.
        what: which designs count as discoveries; by default those of the gallery of an imported campaign, verified
            breakthroughs where there were tests, else those above the best baseline.

    Raises:
        ValueError: the campaign has no ended design, or what was asked for is not known of it.
    """
    if campaign.ranked_by:
        return _published(store, campaign, what)
    if what == "gallery":
        raise ValueError(f"Campaign {campaign.id} was not imported and has no gallery: ask for one of {_list(OWN)}.")
    found = campaign_outlines(store, campaign.id)
    ended = {one.id: at for one in found if one.kind != "baseline" and (at := _ended(store, one)) is not None}
    after = sorted((one for one in found if one.id in ended), key=lambda one: (ended[one.id], one.id))
    spent, total = dict[str, float](), 0.0
    for one in after:
        total += one.cpu_seconds / 3600
        spent[one.id] = total
    designs = _screened(found)
    if not designs or not total:
        raise ValueError(f"Campaign {campaign.id} has no design that was evaluated to its end: run its cycles first.")
    tests = list_verified(store, campaign.id)
    chosen = discovered(found, tests, what)
    if chosen.what == "breakthroughs":
        moments = [_moment(one, ended, spent) for one in tests if one.result["breakthrough"]]
    else:
        moments = [spent[one] for one in chosen.designs]
    return Search(
        campaign=campaign.id,
        what=chosen.what,
        unit="CPU-hours",
        compute=total,
        moments=tuple(moments),
        scores=tuple(one.fitness or 0.0 for one in designs),
        score="fitness",
    )


class Discovered(NamedTuple):
    """What counts as a discovery in a campaign, and the ids of the designs that do, as they were found."""

    what: Own
    designs: tuple[str, ...]


def discovered(found: Sequence[Outline], tests: Sequence[Verified], what: Own | None = None) -> Discovered:
    """The discoveries of a campaign of this laboratory.

    Args:
        found: all of the campaign.
        tests: its verifications.
        what: as in :func:`search_of`.
    """
    chosen: Own = what or ("breakthroughs" if tests else "above")
    if chosen == "breakthroughs":
        found_by_test = (one.experiment for one in tests if one.result["breakthrough"])
        return Discovered(chosen, tuple(dict.fromkeys(found_by_test)))
    designs = _screened(found)
    return Discovered(
        chosen, tuple(one.id for one in (_above(found, designs) if chosen == "above" else _best(designs)))
    )


def _screened(found: Iterable[Outline]) -> list[Outline]:
    """Designs that ended with a fitness, in the order in which they did."""
    ended = [one for one in found if one.kind in DESIGNS and one.fitness is not None and one.finished_at is not None]
    return sorted(ended, key=lambda one: (one.finished_at or 0.0, one.id))


def _ended(store: Store, one: Outline) -> float | None:
    """When a design ended; of one that nobody closed, when its last stage did. None: it cost nothing yet."""
    if one.finished_at is not None:
        return one.finished_at
    stages = get_experiment(store, one.id).stages.values()
    return max((stage.started_at + stage.seconds for stage in stages), default=None)


def _moment(test: Verified, ended: dict[str, float], spent: dict[str, float]) -> float:
    """What was spent when a test had told: on all that had ended, and on its own trainings, closed just after it."""
    own = repetitions_of(test.experiment, test.baseline)
    return max((at for one, at in spent.items() if one in own or ended[one] <= test.created_at), default=0.0)


def _above(found: Sequence[Outline], designs: Sequence[Outline]) -> list[Outline]:
    bar = max(
        (
            one.fitness
            for one in found
            if one.kind == "baseline" and "quadratic" not in one.tags
            if one.fitness is not None
        ),
        default=float("inf"),
    )
    return [one for one in designs if (one.fitness or 0.0) > bar]


def _best(designs: Sequence[Outline]) -> list[Outline]:
    records, best = list[Outline](), float("-inf")
    for one in designs:
        if (one.fitness or 0.0) > best:
            best = one.fitness or 0.0
            records.append(one)
    return records


def _published(store: Store, campaign: Campaign, what: What | None) -> Search:
    if what not in (None, "gallery", "records"):
        raise ValueError(
            f"Campaign {campaign.id} was imported, and nothing was verified in it: ask for gallery or records."
        )
    designs = [(one.stage("import"), one) for one in campaign_experiments(store, campaign.id)]
    order = {one.id: int(stage.summary["index"]) for stage, one in designs if stage is not None}
    numbered = sorted((one for _, one in designs if one.id in order), key=lambda one: order[one.id])
    scored = [one for one in numbered if SCORE in one.objectives]
    if not scored:
        raise ValueError(f"Campaign {campaign.id} has no design with a score: import a whole release.")
    at = {one.id: PUBLISHED_GPU_HOURS * place / len(numbered) for place, one in enumerate(numbered, start=1)}
    chosen: What = what or "gallery"
    if chosen == "gallery":
        moments = [at[one.id] for one in numbered if "gallery" in one.tags]
    else:
        best, moments = float("-inf"), []
        for one in scored:
            if one.objectives[SCORE] > best:
                best = one.objectives[SCORE]
                moments.append(at[one.id])
    return Search(
        campaign=campaign.id,
        what=chosen,
        unit="GPU-hours",
        compute=PUBLISHED_GPU_HOURS,
        moments=tuple(moments),
        scores=tuple(one.objectives[SCORE] for one in scored),
        score="ASI-Arch score",
        assumed=f"Of its compute only the total was published ({PUBLISHED_GPU_HOURS:,.0f} GPU-hours): every design "
        "counts as an equal share of it, in the order of their numbers.",
    )


def _list(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
