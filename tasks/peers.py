"""Experiments as the agents see them."""

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from weakref import WeakKeyDictionary

from archdb import Experiment, Outline, Store, Watch, get_text
from tasks.agents.protocols import CertainEffect, ComponentGain, Peer
from tasks.component_gains import ComponentGains
from tasks.population_effects import certain_effects, effects_among

EFFECTS_EACH = 25  # designs after which effects of components are estimated anew


def peer(experiment: Outline, source: str = "") -> Peer:
    """The record without what no agent needs."""
    return Peer(
        id=experiment.id,
        name=experiment.name,
        kind=experiment.kind,
        source=source,
        components=experiment.components,
        parents=experiment.parents,
        fitness=experiment.fitness,
        gains=experiment.gains,
        objectives=experiment.objectives,
        failure=f"{experiment.failure.stage}: {experiment.failure.message}" if experiment.failure else "",
        failure_kind=experiment.failure.kind if experiment.failure else "",
    )


def peer_with_source(store: Store, experiment: Experiment) -> Peer:
    return peer(experiment, get_text(store, experiment.code) if experiment.code else "")


def population(store: Store, campaign: str) -> tuple[Peer, ...]:
    """Every design of a campaign so far: finished, failed, and proposed by cycles in flight (these have no scores)."""
    return tuple(peer(one) for one in _designs(store, campaign) if one.state != "open" or one.components)


def ended(store: Store, campaign: str) -> list[Outline]:
    """Every design of a campaign that was finished or failed."""
    return [one for one in _designs(store, campaign) if one.state != "open"]


def component_gains(store: Store, campaign: str, besides: Experiment | None = None) -> tuple[ComponentGain, ...]:
    """What each choice has gained over the designs that have ended, and over one that is about to."""
    counted = _counted.setdefault(store, {}).setdefault(campaign, Counted())
    return counted.look(ended(store, campaign), besides)


def component_effects(store: Store, campaign: str, objectives: Iterable[str]) -> tuple[CertainEffect, ...]:
    """What is certain of choices and of pairs of them, over the designs that have ended, counted in whole EFFECTS_EACH.

    Estimating is slow where designs are many, and then one more of them hardly changes it.
    """
    candidates = sorted(
        (one for one in ended(store, campaign) if one.kind == "candidate"),
        key=lambda one: (one.finished_at or 0.0, one.id),  # so that one that ends late does not change earlier groups
    )
    taken = candidates[: len(candidates) // EFFECTS_EACH * EFFECTS_EACH]
    with _estimating:
        known = _estimated.setdefault(store, {})
        ids = tuple(one.id for one in taken)
        if campaign not in known or known[campaign][0] != ids:
            known[campaign] = ids, certain_effects(effects_among(taken, objectives))
        return known[campaign][1]


class Counted:
    """The component statistics of a campaign as they are at each look: a design that has ended is counted once."""

    def __init__(self) -> None:
        self._gains = ComponentGains()
        self._seen: set[str] = set()
        self._looking = threading.Lock()

    def look(self, ended: Sequence[Outline], besides: Outline | None = None) -> tuple[ComponentGain, ...]:
        with self._looking:
            known = {one.id: one for one in ended}
            for one in ended:
                if one.id not in self._seen:
                    self._seen.add(one.id)
                    _count(self._gains, one, known)
            if besides is None or besides.id in self._seen:
                return self._gains.estimates()
            gains = copy.deepcopy(self._gains)
        _count(gains, besides, known)
        return gains.estimates()


def _count(gains: ComponentGains, child: Outline, known: Mapping[str, Outline]) -> None:
    """Count the step from the first parent that has a fitness here and is described by its choices."""
    if child.fitness is None or not child.components:
        return
    for one in child.parents:
        parent = known.get(one)
        if parent is not None and parent.fitness is not None and parent.components:
            gains.add(child.id, parent.id, parent.components, child.components, child.fitness - parent.fitness)
            return


def _designs(store: Store, campaign: str) -> list[Outline]:
    watch = _watched.setdefault(store, {}).setdefault(campaign, Watch(campaign))
    return [one for one in watch.look(store) if one.kind not in ("verification", "ablation")]


_watched: WeakKeyDictionary[Store, dict[str, Watch]] = WeakKeyDictionary()  # a process reads a finished design once
_estimated: WeakKeyDictionary[Store, dict[str, tuple[tuple[str, ...], tuple[CertainEffect, ...]]]] = WeakKeyDictionary()
_estimating = threading.Lock()
_counted: WeakKeyDictionary[Store, dict[str, Counted]] = WeakKeyDictionary()
