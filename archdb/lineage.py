"""Reading experiments by name and by campaign. Only what shows a whole campaign walks it, in batches of cycles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from pymongo.collection import Collection

from archdb.errors import Conflict, NotFound
from archdb.patience import patient
from archdb.records import Experiment, Outline
from archdb.store import Document, Store

INDEXES = {
    "experiments": (
        ("campaign", "cycle"),  # a campaign in order
        ("campaign", "kind", "analysis"),  # baselines; cycles that are not finished
        ("name", "campaign"),
    )
}
BATCH = 256  # cycles read at a time
ORDER: Mapping[str, int] = {
    "baseline": 0,
    "candidate": 1,
    "external": 2,
    "imported": 3,
    "verification": 4,
    "ablation": 5,
}


@patient
def find_experiment(store: Store, name: str, campaign: str | None = None) -> Experiment:
    """The experiment that a person means: its id, the part behind the campaign (``007`` or ``7``), or a design's name.

    Raises:
        NotFound: nothing matches.
        Conflict: several do; the sentence lists them.
    """
    tails = {name}
    if name.isdigit():
        tails |= {f"c{int(name):03d}", f"{int(name):04d}"}  # a cycle's, or an imported design's
    wanted: list[Document] = [{"_id": name}]
    if campaign is not None:
        wanted += [{"_id": f"{campaign}-{tail}"} for tail in tails]
        wanted += [{"name": name, "campaign": campaign}]
    else:
        wanted += [{"name": name}]
    for query in wanted:
        found = list(store.experiments.find(query).limit(5))
        if len(found) == 1:
            return Experiment.model_validate(found[0])
        if found:
            ids = ", ".join(str(one["_id"]) for one in found)
            raise Conflict(f"{name} is the name of several experiments: say which of {ids}.")
    raise NotFound(f"No experiment is called {name}: `archloop leaderboard` and `archloop status` list the ids.")


@patient
def find_experiments(store: Store, ids: Sequence[str]) -> list[Experiment]:
    """The experiments with these ids that exist, in this order."""
    if not ids:
        return []
    found = {one["_id"]: one for one in store.experiments.find({"_id": {"$in": list(ids)}})}
    return [Experiment.model_validate(found[one]) for one in ids if one in found]


def campaign_experiments(store: Store, campaign: str) -> list[Experiment]:
    """All experiments of a campaign: baselines first, then cycles in order, each with its ablations behind it. Only
    what shows all of it needs it.

    Repetitions on fresh seeds are left out: they are no designs of their own, and their scores must not steer a search.
    """
    return list(_walk(store, store.experiments, Experiment, campaign))


def walk_outlines(store: Store, campaign: str, after: int = 0) -> Iterator[Outline]:
    """The outlines of the same, a batch of cycles in memory at a time, beginning behind the cycle of this number."""
    return _walk(store, store.outlines, Outline, campaign, after)


Shape = TypeVar("Shape", bound=Outline)


def _walk(
    store: Store, place: Collection[Document], shape: type[Shape], campaign: str, after: int = 0
) -> Iterator[Shape]:
    lone = [one for one in _without_cycle(place, shape, campaign) if one.kind != "verification"]
    lone.sort(key=lambda one: (ORDER[one.kind], one.created_at, one.id))
    yield from (one for one in lone if one.kind == "baseline")
    for batch in _batches(store, place, shape, campaign, after):
        yield from batch
    yield from (one for one in lone if one.kind != "baseline")


@patient
def baselines(store: Store, campaign: str) -> list[Experiment]:
    """The baselines of a campaign, oldest first."""
    found = store.experiments.find({"campaign": campaign, "kind": "baseline"})
    return sorted((Experiment.model_validate(one) for one in found), key=lambda one: (one.created_at, one.id))


@patient
def unfinished_cycles(store: Store, campaign: str) -> list[int]:
    """The numbers of cycles that were begun and lack an analysis, which is the last that an experiment gets: of the
    design, or of one of its ablations.
    """
    wanted = [{"campaign": campaign, "kind": kind, "analysis": None} for kind in ("candidate", "ablation")]
    found = [one["cycle"] for some in wanted for one in store.experiments.find(some, {"cycle": 1})]
    return sorted({one for one in found if one is not None})


@patient
def next_cycle(store: Store, campaign: str) -> int:
    """A number that no cycle has, with a cycle (or nothing) right before it: numbers are given out without gaps."""

    def taken(number: int) -> bool:
        return store.experiments.find_one({"campaign": campaign, "cycle": number}, {"_id": 1}) is not None

    low, high = _bracket(taken, _cycles(store, campaign))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(middle) else (low, middle)
    return high


def _bracket(taken: Callable[[int], bool], guess: int) -> tuple[int, int]:
    """A number that is taken (0 counts) and one that is not, the second larger, found outward from a guess."""
    step = 1
    if guess and not taken(guess):
        high, low = guess, guess - 1
        while low > 0 and not taken(low):
            high, step = low, 2 * step
            low = max(0, low - step)
        return low, high
    low, high = guess, guess + 1
    while taken(high):
        low, step = high, 2 * step
        high = low + step
    return low, high


def _cycles(store: Store, campaign: str) -> int:
    """How many cycles a campaign is to have: no cycle at work has a larger number."""
    found = store.campaigns.find_one({"_id": campaign}, {"cycles": 1})
    return int(found["cycles"]) if found else 0


@patient
def _without_cycle(place: Collection[Document], shape: type[Shape], campaign: str) -> list[Shape]:
    return [shape.model_validate(one) for one in place.find({"campaign": campaign, "cycle": None})]


def _batches(
    store: Store, place: Collection[Document], shape: type[Shape], campaign: str, after: int
) -> Iterator[list[Shape]]:
    """By cycle. A batch that finds little makes the next one wider."""
    last = _cycles(store, campaign)
    low, width = after, BATCH
    while low < last:
        batch = _between(place, shape, campaign, low, low + width)
        low += width
        width = 2 * width if len(batch) < BATCH / 2 else BATCH
        yield batch
    yield _between(place, shape, campaign, low, None)  # where the campaign has no record


@patient
def _between(place: Collection[Document], shape: type[Shape], campaign: str, low: int, high: int | None) -> list[Shape]:
    cycles = {"$gt": low} if high is None else {"$gt": low, "$lte": high}
    found = [shape.model_validate(one) for one in place.find({"campaign": campaign, "cycle": cycles})]
    return sorted(found, key=lambda one: (one.cycle or 0, one.created_at, one.id))


@patient
def ranked_by_score(store: Store, campaign: str, score: str, limit: int, with_code: bool = False) -> list[Experiment]:
    """The designs of an imported campaign by the score that they came with, best first; of them only those with a
    program, if ``with_code``.
    """
    wanted: Document = {"campaign": campaign, f"objectives.{score}": {"$gt": float("-inf")}}
    if with_code:
        wanted["code"] = {"$gt": ""}
    found = store.experiments.find(wanted).sort(f"objectives.{score}", -1).limit(limit)
    return [Experiment.model_validate(one) for one in found]


@patient
def drawn_from(store: Store, campaign: str) -> list[Experiment]:
    """Designs of other campaigns that have a parent in this imported one."""
    names = [one["_id"] for one in store.campaigns.find({"parents_from": campaign}, {"_id": 1})]
    found = list(store.experiments.find({"campaign": {"$in": names}, "kind": "candidate"}))
    ids = {one["_id"] for one in store.experiments.find({"campaign": campaign}, {"_id": 1})}
    records = [Experiment.model_validate(one) for one in found]
    return sorted((one for one in records if ids & set(one.parents)), key=lambda one: one.id)
