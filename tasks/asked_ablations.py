"""Which components of a design can be knocked out, and the experiments that do so once an Analyst has asked for them.

Such an experiment is opened before the analysis that asks for it is recorded, under an id that follows from the
design's, so that a cycle which is killed here is found unfinished and opens the same ones again.
"""

import re
import time
from collections.abc import Mapping, Sequence

from archdb import Campaign, Experiment, Store, insert_experiments
from tasks.agents.protocols import Draft, Engineer, Peer
from tasks.novelty.fingerprint import same

MOST_SIGNS = 40  # of a component in an id


def possible(
    campaign: Campaign, experiment: Experiment, engineer: Engineer, design: Peer, parents: Sequence[Peer]
) -> dict[str, Draft]:
    """Component -> the program without it, of a candidate that was scored; empty where the campaign wants no ablations.

    A knock-out whose program is the design's own or a parent's is none: the difference to that parent is its effect.
    """
    if not campaign.ablations or experiment.kind != "candidate" or experiment.fitness is None or experiment.failure:
        return {}
    known = [one.source for one in (design, *parents) if one.source]
    found: dict[str, Draft] = {}
    slugs: set[str] = set()
    for component, draft in engineer.knock_outs(design).items():
        slug = _slug(component)
        if slug and slug not in slugs and not any(same(draft.source, one) for one in known):
            slugs.add(slug)
            found[component] = draft
    return found


def asked_for(campaign: Campaign, design: str, asked: Sequence[str], able: Mapping[str, Draft]) -> dict[str, str]:
    """The ablations that an Analyst gets: the experiment's id -> the component that it lacks."""
    wanted = [one for one in dict.fromkeys(asked) if one in able][: campaign.ablations]
    return {f"{design}-without-{_slug(one)}": one for one in wanted}


def open_ablations(store: Store, design: Experiment, ablations: Mapping[str, str]) -> None:
    """Create the experiments: children of the design, in its cycle, on its seeds. Idempotent."""
    fresh = [
        Experiment(
            id=name,
            campaign=design.campaign,
            kind="ablation",
            cycle=design.cycle,
            name=f"{design.name} without {component}",
            seeds=design.seeds,
            parents=(design.id,),
            path=(*design.path, design.id),
            created_at=time.time(),
        )
        for name, component in ablations.items()
    ]
    if fresh:
        insert_experiments(store, fresh)


def ablations_of(design: Experiment) -> dict[str, str]:
    """What was asked for of an analysed design: the experiment's id -> the component that it lacks."""
    analysed = design.stage("analyze", 0)
    return dict(analysed.summary.get("ablations") or {}) if analysed is not None else {}


def _slug(component: str) -> str:
    """A component's name as a part of ids and paths."""
    return re.sub(r"[^a-z0-9]+", "-", component.lower()).strip("-")[:MOST_SIGNS].strip("-")
