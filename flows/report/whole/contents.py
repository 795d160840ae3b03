"""What the report shows of a campaign as a whole, as frozen records."""

from typing import Literal

from evaluation import Discovery, Flattening, Population, PopulationEffect
from flows.report.contents import Link, Part, Words
from flows.scaling_words import LawRow
from tasks.discoveries import Search
from tasks.families import Families

EFFECTS_DRAWN = 12  # of one objective, in a figure
KNOCK_OUTS_DRAWN = 24


class ObjectiveEffects(Part):
    """What choices and pairs are worth on one objective, or on fitness."""

    name: str
    title: str
    found: Population

    @property
    def effects(self) -> list[PopulationEffect]:
        """The largest first."""
        return sorted((*self.found.marginal, *self.found.pairwise), key=lambda one: -abs(one.effect))

    @property
    def certain(self) -> list[PopulationEffect]:
        return [one for one in self.effects if one.certain]

    @property
    def drawn(self) -> list[PopulationEffect]:
        """The certain ones, largest first, then as many of the largest others as a figure has room for."""
        return sorted(self.effects, key=lambda one: not one.certain)[:EFFECTS_DRAWN]


class KnockOut(Part):
    """A component that was taken out of a design and the rest trained again, with what that says on fitness."""

    design: Link
    experiment: str
    component: Words
    difference: float
    low: float | None
    high: float | None
    seeds: int

    @property
    def seen(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class Growth(Part):
    """Discoveries against compute, the laws that were fitted, and where scores flatten, with the sentences."""

    search: Search
    law: Discovery
    bend: Flattening | None
    told: tuple[str, ...]
    rows: tuple[LawRow, ...]


class Source(Part):
    """A paper or a finding, in how many designs it was shown and used, and what became of those that used it."""

    id: Words
    kind: Literal["paper", "finding"]
    link: Link
    shown: int
    used: int
    scored: int  # of those that used it, designs with a fitness
    steps: int  # of these, designs whose first parent has a fitness, too
    step: float | None  # their mean change in fitness against that parent
    mean: float | None  # fitness, over all that are scored
    best: float | None
    best_design: Link | None


class AxisOf(Part):
    """Something that designs can be compared by."""

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    measured: bool = False  # an entry of efficiency, which limits may name


class Trades(Part):
    """All designs with a fitness, on every axis that is known of any."""

    axes: tuple[AxisOf, ...]
    designs: tuple[tuple[str, dict[str, float]], ...]  # (id, axis -> value), best first


class Whole(Part):
    """All of it."""

    effects: tuple[ObjectiveEffects, ...] = ()
    knock_outs: tuple[KnockOut, ...] = ()
    families: Families | None = None
    growth: Growth | None = None
    no_growth: str = ""  # why there is none
    sources: tuple[Source, ...] = ()
    trades: Trades = Trades(axes=(), designs=())

    @property
    def why_no_effects(self) -> str:
        """Why nothing can be estimated on any objective; empty where something can."""
        reasons = dict.fromkeys(one.found.why_none for one in self.effects)
        return next(iter(reasons)) if len(reasons) == 1 else ""
