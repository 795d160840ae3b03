"""Reading experiments: the queries behind the leaderboard, the tree, the sampler and the command line."""

from collections.abc import Iterable

from archdb.errors import Conflict, NotFound
from archdb.experiments import get_experiment
from archdb.patience import patient
from archdb.records import Experiment
from archdb.store import Document, Store

INDEXES = {
    "experiments": (
        ("campaign", "-fitness"),  # leaderboard, parent sampling
        ("campaign", "cycle"),  # a campaign in order
        ("path",),  # descendants
        ("name",),
    )
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
        tails.add(f"c{int(name):03d}")
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
def campaign_experiments(store: Store, campaign: str, verifications: bool = False) -> list[Experiment]:
    """All experiments of a campaign: baselines first, then cycles in order.

    Repetitions on fresh seeds are left out, unless ``verifications`` asks for them: they are no designs of their own,
    and their scores must not steer the search.
    """
    found = list(store.experiments.find({"campaign": campaign}))
    order = {"baseline": 0, "candidate": 1, "external": 2} | ({"verification": 3} if verifications else {})
    records = [Experiment.model_validate(one) for one in found if one["kind"] in order]
    return sorted(records, key=lambda one: (order[one.kind], one.cycle or 0, one.created_at, one.id))


@patient
def leaderboard(store: Store, campaign: str, limit: int) -> list[Experiment]:
    """The best experiments of a campaign by fitness, best first."""
    found = (
        store.experiments.find({"campaign": campaign, "fitness": {"$gt": float("-inf")}})
        .sort("fitness", -1)
        .limit(limit)
    )
    return [Experiment.model_validate(one) for one in found]


def ancestors(store: Store, experiment: Experiment) -> list[Experiment]:
    """The first-parent ancestors, root first."""
    return [get_experiment(store, one) for one in experiment.path]


@patient
def descendants(store: Store, experiment: Experiment) -> list[Experiment]:
    """Every experiment that has this one among its ancestors, in the order of creation."""
    found = list(store.experiments.find({"path": experiment.id}))
    return sorted((Experiment.model_validate(one) for one in found), key=lambda one: one.created_at)


@patient
def running_experiments(store: Store, ids: Iterable[str]) -> list[Experiment]:
    """The experiments with these ids that exist."""
    found = list(store.experiments.find({"_id": {"$in": list(ids)}}))
    return [Experiment.model_validate(one) for one in found]
