"""What became of the Researcher's predictions: each is paired with what was measured once its design has ended."""

import json
import threading
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from archdb import Campaign, Outline, Store, find_proposals, get_texts
from evaluation import Panel, reference_noise
from tasks.agents.protocols import Prediction, Proposal
from tasks.calibration import Calibration, Pair, calibrate
from tasks.peers import ended


def foresight(store: Store, campaign: Campaign) -> Calibration:
    """How a campaign's predictions have fared so far. A process reads the proposal of a design that has ended once."""
    followed = _followed.setdefault(store, {}).setdefault(campaign.id, _Followed())
    return followed.look(store, campaign)


class _Followed:
    """A campaign's predictions as far as this process has read them."""

    def __init__(self) -> None:
        self._pairs: list[Pair] = []
        self._failed = self._unmeasured = 0
        self._seen: set[str] = set()
        self._found: Calibration | None = None
        self._looking = threading.Lock()

    def look(self, store: Store, campaign: Campaign) -> Calibration:
        with self._looking:
            known = {one.id: one for one in ended(store, campaign.id)}
            unseen = [one for one in known.values() if one.id not in self._seen and one.kind == "candidate"]
            before = self._pairs, self._failed, self._unmeasured
            noise, said = noise_of(campaign), predictions_of(store, [one.id for one in unseen])
            for one in unseen:
                self._take(one, said.get(one.id, ()), known, noise)
            if self._found is None or before != (self._pairs, self._failed, self._unmeasured):
                self._found = calibrate(self._pairs, self._failed, self._unmeasured)
            return self._found

    def _take(
        self, one: Outline, predictions: Sequence[Prediction], known: Mapping[str, Outline], noise: Mapping[str, float]
    ) -> None:
        found = [pair_of(one, each, known, noise) for each in predictions]
        pairs = [pair for pair in found if pair is not None]
        if one.failure is not None:
            self._failed += len(found) - len(pairs)
        else:
            self._unmeasured += len(found) - len(pairs)
        self._pairs = self._pairs + pairs
        self._seen.add(one.id)


def predictions_of(store: Store, experiments: Sequence[str]) -> dict[str, tuple[Prediction, ...]]:
    """Experiment -> what was predicted of it, for those that somebody proposed."""
    found = find_proposals(store, experiments)
    replies = get_texts(store, [one.reply for one in found])
    return {
        one.id: Proposal.model_validate(json.loads(reply)["body"]).predictions
        for one, reply in zip(found, replies, strict=True)
    }


def pair_of(
    one: Outline, predicted: Prediction, known: Mapping[str, Outline], noise: Mapping[str, float]
) -> Pair | None:
    """The prediction beside the change of the gain against the first parent's; None where either was not measured.

    Args:
        one: the design, which has ended.
        predicted: what was said of it.
        known: designs by id, its parent among them.
        noise: objective -> one standard deviation of the reference over seeds, in units of gain.
    """
    parent = known.get(one.parents[0]) if one.parents else None
    name = predicted.objective
    if parent is None or name not in one.gains or name not in parent.gains:
        return None
    seeds = 1 / len(one.seeds) + 1 / len(parent.seeds)  # both sides are means over their seeds
    return Pair(
        experiment=one.id,
        objective=name,
        change=predicted.change,
        confidence=min(1.0, max(0.0, predicted.confidence)),
        measured=one.gains[name] - parent.gains[name],
        noise=noise[name] * seeds**0.5 if name in noise else None,
    )


def noise_of(campaign: Campaign) -> dict[str, float]:
    """How far gains differ by seed alone; empty until the campaign has its panel."""
    return reference_noise(Panel.model_validate(campaign.panel)) if campaign.panel else {}


_followed: WeakKeyDictionary[Store, dict[str, _Followed]] = WeakKeyDictionary()
