"""Does retrieval help? Whole searches with the real Researcher and Analyst, with and without the cognition base.

A search is played on a table of trained designs: the sampler, the Researcher, what it looks up, the Analyst and the
findings that it writes are those of a campaign; instead of being trained, a proposal is stood for by the nearest design
of the table that is left. Every search ends when it has spent the same processor time on trainings.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import FiniteFloat

from archdb import Outline, Store
from archdb.cognition import Hit, record_findings
from archdb.cognition import search as look_up
from evaluation import Report, Tried, objectives_of
from tasks.agents.grammar.space import Design
from tasks.agents.protocols import Agents, Outcome, Peer, Proposal, Question
from tasks.analyze import findings_of
from tasks.bench.landscape import Landscape
from tasks.bench.replay import START, as_baseline, as_candidate
from tasks.bench.search import FEWEST, Floats, Span, span
from tasks.peers import Counted, peer
from tasks.propose import FINDINGS, PAPERS
from tasks.samplers.population import Sampler

ARMS: Mapping[str, tuple[str, ...]] = {
    "nothing": (),
    "papers": ("paper",),
    "papers and findings": ("paper", "finding"),
}
CONTROL = "nothing"
SHARE = 0.5  # of the table's compute that a search spends: behind it the designs left are seldom near
POINTS = 100  # of compute at which the regret is read


class Arm(Report):
    """How searches with one kind of retrieval did. Regret is in units of fitness; differences are paired."""

    area: Span  # mean regret over the compute of a search
    end: Span  # regret at its end
    against_nothing: Span  # area; negative is better
    trainings: FiniteFloat  # of a search, on average
    used: FiniteFloat  # share of the proposals that something retrieved had a part in
    distance: FiniteFloat  # slots between a proposal and the design that stood for it
    curve: tuple[FiniteFloat, ...]  # mean regret after each of POINTS equal parts of the compute


class Loop(Report):
    """All of it."""

    version: int = 1
    designs: int  # of the table
    replays: int
    cpu_seconds: FiniteFloat  # of trainings, that each search spends
    arms: dict[str, Arm]
    verdict: str


@dataclass(frozen=True)
class Played:
    """What one search found."""

    regret: Floats  # [POINTS]
    trainings: int
    used: float
    distance: float


def loop_study(
    ground: Landscape,
    scale: str,
    store: Store,
    agents: Agents,
    sampler: Sampler,
    arms: Sequence[str],
    replays: int,
    advance: Callable[[], object] = lambda: None,
) -> Loop:
    """Play ``replays`` searches of each arm; those of one number share their chance.

    Args:
        ground: the table.
        scale: that it was trained at; its objectives are what a Researcher is told of.
        store: for findings. They are written into it, so let it be one of its own.
        agents: who proposes and analyses.
        sampler: who chooses parents.
        arms: of ARMS; the control is always among them.
        replays: how many searches of each.
        advance: called after each search.

    Raises:
        ValueError: the table is too small to search in.
    """
    if len(ground.designs) < FEWEST:
        raise ValueError(
            f"The table has {len(ground.designs)} designs, and a search needs at least {FEWEST}: let archloop bench "
            "table go on."
        )
    seconds = SHARE * sum(one.train_cpu_seconds for one in ground.designs)
    played: dict[str, list[Played]] = {arm: [] for arm in dict.fromkeys([CONTROL, *arms])}
    for number in range(replays):
        for arm, several in played.items():
            several.append(_Search(ground, scale, store, agents, sampler, arm, number, seconds).play())
            advance()
    areas = {arm: np.array([one.regret.mean() for one in several]) for arm, several in played.items()}
    found = {
        arm: Arm(
            area=span(areas[arm]),
            end=span(np.array([one.regret[-1] for one in several])),
            against_nothing=span(areas[arm] - areas[CONTROL]),
            trainings=float(np.mean([one.trainings for one in several])),
            used=float(np.mean([one.used for one in several])),
            distance=float(np.mean([one.distance for one in several])),
            curve=tuple(np.round(np.array([one.regret for one in several]).mean(axis=0), 4).tolist()),
        )
        for arm, several in played.items()
    }
    return Loop(designs=len(ground.designs), replays=replays, cpu_seconds=seconds, arms=found, verdict=_verdict(found))


class _Search:
    """One search, as it goes."""

    def __init__(
        self,
        ground: Landscape,
        scale: str,
        store: Store,
        agents: Agents,
        sampler: Sampler,
        arm: str,
        number: int,
        seconds: float,
    ) -> None:
        self.ground, self.scale, self.store, self.agents, self.sampler = ground, scale, store, agents, sampler
        self.kinds, self.number, self.seconds = ARMS[arm], number, seconds
        self.campaign = f"loop-{number}-{arm.replace(' ', '-')}"
        begin = random.Random(f"{number}/begin")
        self.order = begin.sample(range(len(ground.designs)), START)
        self.luck = [begin.randrange(len(one.fitness)) if one.fitness else 0 for one in ground.designs]
        self.left = np.ones(len(ground.designs), bool)
        self.population = [as_baseline(one) for one in ground.baselines]
        self.counted = Counted()
        self.distances: list[int] = []
        self.proposals: list[Proposal] = []

    def play(self) -> Played:
        best, spent = -np.inf, 0.0
        ends, bests = [0.0], [-np.inf]
        cycle = 0
        while spent < self.seconds and self.left.any():
            cycle += 1
            index = self.order[cycle - 1] if cycle <= START else self._next(cycle)
            self.left[index] = False
            spent += self.ground.designs[index].train_cpu_seconds
            best = max(best, float(self.ground.truth[index]))
            ends.append(spent)
            bests.append(best)
        at = np.linspace(ends[START], self.seconds, POINTS)
        reached = np.array(bests)[np.searchsorted(ends, at, side="right") - 1]
        return Played(
            regret=self.ground.truth.max() - reached,
            trainings=cycle,
            used=float(np.mean([bool(set(one.used) & set(one.retrieved)) for one in self.proposals])),
            distance=float(np.mean(self.distances)),
        )

    def _next(self, cycle: int) -> int:
        """One cycle: which design of the table it leads to."""
        if cycle == START + 1:
            for earlier, index in enumerate(self.order, start=1):
                self.population.append(as_candidate(self.ground.designs[index], self.luck[index], earlier, ()))
        chance = random.Random(f"{self.number}/{cycle}")
        parents = self.sampler(self.population, cycle, chance)
        question = Question(
            campaign=self.campaign,
            cycle=cycle,
            seed=self.number,
            parents=self._peers(parents),
            population=tuple(peer(one) for one in self.population),
            objective_titles=self._titles,
            gains=self.counted.look(self.population),
        )
        proposal = self.agents.researcher.propose(question, self._retrieve)
        self.proposals.append(proposal)
        index, distance = self.ground.nearest(Design.model_validate(proposal.components), self.left, chance)
        self.distances.append(distance)
        made = as_candidate(self.ground.designs[index], self.luck[index], cycle, parents)
        if "finding" in self.kinds:
            self._learn(made)
        self.population.append(made)
        return index

    def _retrieve(self, query: str) -> Sequence[Hit]:
        papers = look_up(query, limit=PAPERS, kind="paper") if "paper" in self.kinds else []
        if "finding" not in self.kinds:
            return papers
        return papers + look_up(query, limit=FINDINGS, kind="finding", campaign=self.campaign)

    def _learn(self, made: Outline) -> None:
        analysis = self.agents.analyst.analyze(
            Outcome(
                campaign=self.campaign,
                design=peer(made),
                parents=self._peers(made.parents),
                population=tuple(peer(one) for one in self.population),
                noise=self._noise,
                objective_titles=self._titles,
                gains=self.counted.look(self.population, made),
            )
        )
        record_findings(self.store, findings_of(f"{self.campaign}-{made.id}", self.campaign, analysis))

    def _peers(self, ids: Sequence[str]) -> tuple[Peer, ...]:
        known = {one.id: one for one in self.population}
        return tuple(peer(known[one]) for one in ids)

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {name: one.title for name, one in objectives_of(self.scale).items()}

    @cached_property
    def _noise(self) -> dict[str, float]:
        """One standard deviation over seeds, of the baselines on average."""
        several = [one for one in self.ground.baselines if len(one.gains) > 1]
        return {name: float(np.mean([_deviation(one, name) for one in several] or [0.0])) for name in self._titles}


def _deviation(one: Tried, objective: str) -> float:
    return float(np.std([gains.get(objective, 0.0) for gains in one.gains], ddof=1))


def _verdict(arms: Mapping[str, Arm]) -> str:
    return " ".join(_sentence(name, arm.against_nothing) for name, arm in arms.items() if name != CONTROL)


def _sentence(name: str, found: Span) -> str:
    less = f"less regret by {-found.value:.3f} (95% interval {-found.high:.3f} to {-found.low:.3f})"
    if found.value > 0:
        less = f"more regret by {found.value:.3f} (95% interval {found.low:.3f} to {found.high:.3f})"
    told = f"Searches with {name} have {less} than those with nothing"
    return f"{told}." if found.tells else f"{told}, which may be chance."
