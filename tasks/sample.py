"""Stage ``sample``: choose the parents of a new design."""

import random
from collections.abc import Sequence

from archdb import Experiment, Outline, Store, find_experiments, get_campaign, leaderboard, ranked_by_score
from tasks.domain import domain_of
from tasks.peers import ended
from tasks.samplers.population import may_be_parent
from tasks.samplers.ranked import POOL, choose
from tasks.samplers.registry import Way, way_of
from tasks.stage import Outcome, run_stage, stage_task

SPARE = 10  # the least that is read beyond what a sampler looks at: some of the fittest may be no parents
FORKED_SHARE = 0.5  # of a fork's cycles that improve a design of the old campaign, once it has designs of its own
IMPORTED_SHARE = 0.5  # of cycles that improve an imported design, in campaigns with parents from elsewhere


@stage_task("sample")
def sample(experiment_id: str, token: int) -> None:
    """Record the parents of an experiment: the one to improve first, those to borrow from behind it."""
    run_stage(experiment_id, token, "sample", _sample)


def _sample(store: Store, experiment: Experiment) -> Outcome:
    campaign = get_campaign(store, experiment.campaign)
    way = way_of(campaign.sampler)
    known = _read(store, campaign.id, way, len(domain_of(campaign.domain).baselines()) if campaign.families else 0)
    able = [one for one in known if may_be_parent(one) and _of_a_chosen_family(one, campaign.families)]
    rng = random.Random(f"{campaign.seed}/{experiment.cycle}/sample")
    imported = importable(store, campaign.parents_from) if campaign.parents_from else []
    forked = sorted(find_experiments(store, campaign.forked), key=lambda one: (-(one.fitness or 0.0), one.id))
    share = FORKED_SHARE if any(one.kind == "candidate" for one in able) else 1.0
    foreign: list[Outline] = []
    if forked and rng.random() < share:
        foreign = [*choose(forked, rng)[:1]]
    elif imported and rng.random() < IMPORTED_SHARE:
        foreign = [*choose(imported, rng)[:1]]
    ids = way.choose(able, experiment.cycle or 0, rng)
    own = {one.id: one for one in able}
    chosen = foreign + [own[one] for one in ids][: 1 if foreign else None]
    return Outcome(
        summary={
            "sampler": campaign.sampler,
            "parents": [one.id for one in chosen],
            "pool": sum(one.fitness is not None for one in able[: way.fittest]),
            "imported": len(imported),
            "forked": len(forked),
        },
        patch={
            "parents": [one.id for one in chosen],
            "path": [*chosen[0].path, chosen[0].id] if chosen else [],
        },
    )


def _read(store: Store, campaign: str, way: Way, left_out: int) -> Sequence[Outline]:
    """What a sampler needs to know of a campaign: its head, or all that has ended, each read once by this process.

    Of the head as many more are read as baselines may be left out.
    """
    if way.fittest is None:
        return ended(store, campaign)
    return leaderboard(store, campaign, way.fittest + max(way.fittest, SPARE) + left_out)


def _of_a_chosen_family(one: Outline, families: Sequence[str]) -> bool:
    """Whether a search that starts from these families may improve a design. Baselines alone are judged: all other
    designs descend from such a family, or were imported or forked, which somebody has chosen.
    """
    return not families or one.kind != "baseline" or one.name in families


def importable(store: Store, campaign: str) -> list[Experiment]:
    """The best designs of an imported campaign that have a program. Their scores rank them among themselves only: they
    are drawn from a pool of their own, and never stand beside designs with a fitness.
    """
    return ranked_by_score(store, campaign, get_campaign(store, campaign).ranked_by, POOL, with_code=True)
