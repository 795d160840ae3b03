"""The provider: who proposes, writes and explains rules. It asks no model; one that does would ask by ``desk.ask``."""

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

from tasks.agents.desk import Desk
from tasks.agents.protocols import Agents, Analysis, Draft, Lesson, Outcome, Peer, Proposal, Question, Retrieve
from update_rules.rules import PLAIN, SLOTS, choices_of, compose


class Researcher:
    """Changes one slot of the parent, and prefers choices that have helped before."""

    def propose(self, question: Question, retrieve: Retrieve) -> Proposal:
        rng, parent = Random(f"{question.seed} {question.cycle}"), question.parents[0]
        base, tried = parent.components or PLAIN, [one.components for one in question.population]
        one_away = [base | {slot: choice} for slot in SLOTS for choice in SLOTS[slot] if choice != base[slot]]
        everything = [dict(zip(SLOTS, choices, strict=True)) for choices in product(*SLOTS.values())]
        fresh = [one for one in one_away if one not in tried] or [one for one in everything if one not in tried]
        gained = {one.choice: one.gain for one in question.gains}
        chosen = max(fresh or one_away, key=lambda one: gained.get(_changes(base, one)[0], 0.0) + rng.gauss(0, 0.3))
        query = f"effect of {', '.join(_changes(base, chosen))} on an update rule"
        findings = [hit for hit in retrieve(query) if hit.kind == "finding"]
        return Proposal(
            name="_".join(choice for choice in chosen.values() if choice not in ("none", "constant")),
            motivation=f"{parent.name} with {', '.join(_changes(base, chosen))}.",
            parents=(parent.id,),
            components=chosen,
            query=query,
            retrieved=tuple(hit.id for hit in findings),
        )

    def propose_again(self, *_: object) -> None:
        return None  # what was proposed stands


class Engineer:
    def components(self, given: Peer) -> dict[str, str]:
        return choices_of(given.source)

    def write(self, proposal: Proposal, parents: Sequence[Peer]) -> Draft:
        return Draft(source=compose(proposal.components), components=proposal.components)

    def repair(self, *_: object) -> None:
        return None  # a rule that is composed runs, or is a failure

    def knock_outs(self, design: Peer) -> Mapping[str, Draft]:
        able = [slot for slot, choice in design.components.items() if slot != "rate" and choice != PLAIN[slot]]
        without = {slot: design.components | {slot: PLAIN[slot]} for slot in able}
        return {slot: Draft(source=compose(rest), components=rest) for slot, rest in without.items()}


class Analyst:
    def analyze(self, outcome: Outcome) -> Analysis:
        design, parent = outcome.design, next(iter(outcome.parents), None)
        if design.fitness is None or parent is None or parent.fitness is None:
            return Analysis(text=f"{design.name}: {design.failure or 'nothing to compare it with'}.")
        effect, changed = design.fitness - parent.fitness, _changes(parent.components or PLAIN, design.components)
        text = f"{', '.join(changed)} in place of what {parent.name} has moved fitness by {effect:+.2f}."
        lesson = Lesson(text=text, evidence=(design.id, parent.id), components=tuple(changed), effect=effect)
        worth = outcome.knock_outs if effect > 0 else ()
        return Analysis(text=text, lessons=(lesson,), ablations=worth)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [f"{slot}={choice}" for slot, choice in after.items() if before.get(slot) != choice] or ["nothing"]


def agents(_desk: Desk) -> Agents:
    return Agents(researcher=Researcher(), engineer=Engineer(), analyst=Analyst())
