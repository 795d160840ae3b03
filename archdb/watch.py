"""Following a campaign without reading it again and again: a design that has ended is read once."""

import threading

from archdb.lineage import ORDER
from archdb.outlines import find_outlines
from archdb.patience import patient
from archdb.records import Outline
from archdb.store import Document, Store


class Watch:
    """The designs of one campaign as they are at each look. Threads may share it.

    The first look reads the outlines of the campaign, each later one those that are new or have not ended, and the
    few that belong to no cycle.
    """

    def __init__(self, campaign: str) -> None:
        self.campaign = campaign
        self._cycles: dict[str, Outline] = {}
        self._numbers: set[int] = set()
        self._looking = threading.Lock()

    def look(self, store: Store) -> list[Outline]:
        """Every design: baselines first, then cycles in order, then what was handed in or imported; then repetitions on
        fresh seeds, which are no designs of their own. Ablations are left out.
        """
        with self._looking:
            lone = self._find(store, None)
            for one in [*find_outlines(store, self._open()), *self._new(store)]:
                if one.cycle is not None:
                    self._cycles[one.id] = one
                    self._numbers.add(one.cycle)
            everything = [*lone, *self._cycles.values()]
        return sorted(everything, key=lambda one: (ORDER[one.kind], one.cycle or 0, one.created_at, one.id))

    def _open(self) -> list[str]:
        return [one.id for one in self._cycles.values() if one.analysis is None]  # the last thing that a design gets

    def _new(self, store: Store) -> list[Outline]:
        """Cycles with a number that was not seen yet: workers may begin a later one first."""
        last = max(self._numbers, default=0)
        skipped = sorted(set(range(1, last)) - self._numbers)
        return self._find(store, {"$gt": last}) + (self._find(store, {"$in": skipped}) if skipped else [])

    @patient
    def _find(self, store: Store, cycle: Document | None) -> list[Outline]:
        wanted = {"campaign": self.campaign, "cycle": cycle}
        found = store.outlines.find(wanted)
        return [one for one in map(Outline.model_validate, found) if one.kind != "ablation"]
