"""The cassette that a campaign is run again from, as this process has read it."""

import re
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from archdb import Campaign, Experiment, Store
from archdb.copies import Cassette, HeldCall, HeldEvaluation, find_cassette

REPLAY = "replay"  # the provider of campaigns that have a cassette
NOT_RECORDED = "not_recorded"  # the outcome of a call that a cassette does not hold


@dataclass(frozen=True)
class Played:
    """A cassette under the name of the campaign that plays it."""

    cassette: Cassette
    name: str

    @cached_property
    def _calls(self) -> dict[tuple[int, str, int], HeldCall]:
        return {(one.cycle, one.role, one.number): one for one in self.cassette.calls}

    @cached_property
    def _evaluations(self) -> dict[tuple[int | None, str, str, str, int, int | None], HeldEvaluation]:
        held = self.cassette.evaluations
        return {(one.cycle, one.ablation, one.baseline, one.stage, one.attempt, one.seed): one for one in held}

    def call(self, experiment: Experiment, role: str, number: int) -> HeldCall | None:
        """What was recorded for this question, whatever was asked."""
        return None if experiment.cycle is None else self._calls.get((experiment.cycle, role, number))

    def evaluation(self, experiment: Experiment, stage: str, attempt: int, seed: int | None) -> HeldEvaluation | None:
        """What was recorded for this stage, of the program that the experiment has now."""
        baseline = experiment.name if experiment.kind == "baseline" else ""
        found = self._evaluations.get((experiment.cycle, ablation_of(experiment), baseline, stage, attempt, seed))
        return found if found is not None and found.program == experiment.code else None

    def as_recorded(self, text: str) -> str:
        """A text with this campaign's ids as the recorded campaign's."""
        return _renamed(text, self.name, self.cassette.campaign, self._tails)

    def as_here(self, text: str) -> str:
        """A recorded text with that campaign's ids as this one's."""
        return _renamed(text, self.cassette.campaign, self.name, self._tails)

    @cached_property
    def _tails(self) -> str:
        """What follows on a campaign's name in the ids of its cycles and baselines, as a pattern."""
        names = sorted({one.baseline for one in self.cassette.evaluations if one.baseline})
        return "|".join([r"c\d{3,}(?:-without-[a-z0-9-]+)?", *map(re.escape, names)])


def ablation_of(one: Experiment) -> str:
    """What follows on its design's id in an ablation's; empty for all else."""
    return one.id.removeprefix(one.parents[0]) if one.kind == "ablation" else ""


def _renamed(text: str, old: str, new: str, tails: str) -> str:
    if old == new:
        return text
    begins = r"(?:(?<![\w-])|(?<=\\[ntr]))"  # no word before it, or a line break as JSON writes one
    return re.sub(rf"{begins}{re.escape(old)}-(?=(?:{tails})(?![\w-]))", f"{new}-", text)


def played(store: Store, campaign: Campaign) -> Played | None:
    """The cassette of a campaign, read once by this process; None for a campaign without one.

    Raises:
        CassetteUnusable: it was kept by an archloop of another version.
    """
    if not campaign.cassette:
        return None
    known = _read.setdefault(store, {})
    if campaign.id not in known:
        known[campaign.id] = Played(find_cassette(store, campaign.cassette), campaign.id)
    return known[campaign.id]


_read: WeakKeyDictionary[Store, dict[str, Played]] = WeakKeyDictionary()  # campaign -> its cassette, which stays its
