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
def campaign_experiments(store: Store, campaign: str, verifications: bool = False) -> list[Experiment]:
    """All experiments of a campaign: baselines first, then cycles in order.

    Repetitions on fresh seeds are left out, unless ``verifications`` asks for them: they are no designs of their own,
    and their scores must not steer the search.
    """
    found = list(store.experiments.find({"campaign": campaign}))
    order = {"baseline": 0, "candidate": 1, "external": 2, "imported": 3}
    order |= {"verification": 4} if verifications else {}
    records = [Experiment.model_validate(one) for one in found if one["kind"] in order]
    return sorted(records, key=lambda one: (order[one.kind], one.cycle or 0, one.created_at, one.id))


@patient
def leaderboard(
    store: Store, campaign: str, limit: int, ranked_by: str = "", with_code: bool = False
) -> list[Experiment]:
    """The best experiments of a campaign, best first.

    Args:
        store: where.
        campaign: its name.
        limit: the most to return.
        ranked_by: the objective that an imported campaign is ranked by; fitness where it is empty.
        with_code: leave out those without a program.
    """
    key = f"objectives.{ranked_by}" if ranked_by else "fitness"
    wanted: Document = {"campaign": campaign, key: {"$gt": float("-inf")}} | (
        {"code": {"$gt": ""}} if with_code else {}
    )
    found = store.experiments.find(wanted).sort(key, -1).limit(limit)
    return [Experiment.model_validate(one) for one in found]


def ancestors(store: Store, experiment: Experiment) -> list[Experiment]:
    """The first-parent ancestors, root first."""
    return [get_experiment(store, one) for one in experiment.path]


@patient
def descendants(store: Store, experiment: Experiment) -> list[Experiment]:
    """Every experiment that has this one among its ancestors, in the order of creation."""
    found = list(store.experiments.find({"path": experiment.id}))
    return sorted(
        (Experiment.model_validate(one) for one in found), key=lambda one: (one.created_at, len(one.path), one.id)
    )


@patient
def drawn_from(store: Store, campaign: str) -> list[Experiment]:
    """Designs of other campaigns that have a parent in this imported one."""
    names = [one["_id"] for one in store.campaigns.find({"parents_from": campaign}, {"_id": 1})]
    found = list(store.experiments.find({"campaign": {"$in": names}, "kind": "candidate"}))
    ids = {one["_id"] for one in store.experiments.find({"campaign": campaign}, {"_id": 1})}
    records = [Experiment.model_validate(one) for one in found]
    return sorted((one for one in records if ids & set(one.parents)), key=lambda one: one.id)


@patient
def running_experiments(store: Store, ids: Iterable[str]) -> list[Experiment]:
    """The experiments with these ids that exist."""
    found = list(store.experiments.find({"_id": {"$in": list(ids)}}))
    return [Experiment.model_validate(one) for one in found]
