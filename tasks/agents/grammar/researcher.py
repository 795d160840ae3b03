"""The grammar's Researcher: looks the parent's weakness up, and changes what the evidence speaks for."""

import random
from collections.abc import Callable, Sequence

from archdb.cognition import Hit
from tasks.agents.grammar.ancestors import design_of, first_known
from tasks.agents.grammar.evidence import choices_of, preferences, told, told_effect
from tasks.agents.grammar.evolve import difference, vary
from tasks.agents.grammar.naming import name_of, sentence_of
from tasks.agents.grammar.slots import SLOTS
from tasks.agents.grammar.space import Design, random_design
from tasks.agents.protocols import CertainEffect, ComponentGain, Peer, Proposal, Question, Repeated, Retrieve
from tasks.agents.weakness import complaint, weakest_objective

TRIES = 200  # before a design that was already tried is accepted


class GrammarResearcher:
    """Proposes by mutation and crossover of parents, tilted by literature, findings and component statistics."""

    def propose(self, question: Question, retrieve: Retrieve) -> Proposal:
        return self._propose(question, retrieve, "propose")

    def propose_again(self, question: Question, retrieve: Retrieve, repeated: Repeated) -> Proposal | None:
        """Another draw. Its motivations are lists in one form: that two read alike says nothing."""
        return None if repeated.ground == "words" else self._propose(question, retrieve, "propose again")

    def _propose(self, question: Question, retrieve: Retrieve, chance: str) -> Proposal:
        rng = random.Random(f"{question.seed}/{question.cycle}/{chance}")
        if not question.parents:
            return self._drawn(question, rng)
        parent = first_known(question.parents)
        base = (design_of(parent) if parent else None) or random_design(rng)
        weakness = weakest_objective(parent, question)
        query = f"{complaint(weakness, question)}. {sentence_of(base)}"
        hits = list(retrieve(query))
        has = frozenset(f"{slot}={choice}" for slot, choice in base.choices.items())
        weights = preferences(hits, question.gains, question.effects, has, weakness)
        design = self._vary(base, question, weights, rng)
        changes = difference(base, design)
        chosen = {f"{slot}={new}" for slot, (_, new) in changes.items()}
        backing = [hit for hit in hits if chosen & set(hit.components)]
        tested = [one for one in question.gains if one.choice in chosen]
        made = {f"{slot}={choice}" for slot, choice in design.choices.items()}
        certain = [one for one in question.effects if made.issuperset(one.choices) and chosen & set(one.choices)]
        of_effects = (choice for one in certain for choice in one.choices if choice in chosen)
        return Proposal(
            name=name_of(design),
            motivation=motivation(question, parent, weakness, changes, backing, tested, certain),
            parents=tuple(one.id for one in question.parents),
            components=design.choices,
            query=query,
            retrieved=tuple(hit.id for hit in hits),
            used=tuple(dict.fromkeys([*(hit.id for hit in backing), *(one.choice for one in tested), *of_effects])),
        )

    def _drawn(self, question: Question, rng: random.Random) -> Proposal:
        """A random design, as nothing is to be improved: no paper, finding or gain has a say in it."""
        design = _untried(lambda: random_design(rng), question)
        return Proposal(
            name=name_of(design),
            motivation="Drawn at random, from no parent and no evidence: what a search has to beat.",
            parents=(),
            components=design.choices,
        )

    def _vary(self, base: Design, question: Question, weights: dict[str, float], rng: random.Random) -> Design:
        others = [other for other in map(design_of, question.parents) if other is not None and other != base]
        return _untried(lambda: vary(base, others, rng, weights), question)


def _untried(draw: Callable[[], Design], question: Question) -> Design:
    """The first draw that the campaign has not had; after many, the last one."""
    tried = {frozenset(choices_of(one)) for one in question.population}
    design = draw()
    for _ in range(TRIES - 1):
        if frozenset(f"{slot}={choice}" for slot, choice in design.choices.items()) not in tried:
            break
        design = draw()
    return design


def motivation(
    question: Question,
    parent: Peer | None,
    weakness: str,
    changes: dict[str, tuple[str, str]],
    hits: Sequence[Hit],
    gains: Sequence[ComponentGain],
    certain: Sequence[CertainEffect] = (),
) -> str:
    """Markdown: what is wrong with the parent, what changes, and which evidence speaks for it."""
    lines = []
    chosen = {f"{slot}={new}" for slot, (_, new) in changes.items()}
    for wordless in question.parents[: question.parents.index(parent) if parent is not None else None]:
        instead = "the next parent" if parent is not None else "a random design"
        lines.append(
            f"**Parent** {wordless.name} ({wordless.id}): the grammar has no words for its program, and can neither "
            f"read nor change it. This design starts from {instead} instead.\n"
        )
    if parent is not None:
        gain = parent.gains.get(weakness)
        standing = "" if gain is None else f" ({round(gain, 2) or 0.0:+.2f} units against the reference)"
        title = question.objective_titles.get(weakness, weakness)
        lines.append(
            f"**Parent** {parent.name} ({parent.id}), furthest behind the best design on {title.lower()}{standing}."
        )
    lines.append("\n**Change**")
    for slot, (old, new) in changes.items():
        lines.append(f"- {SLOTS[slot].title}: {old} -> {new} ({SLOTS[slot].choices[new]})")
    lines.append("\n**Evidence**")
    for hit in hits:
        fitting = ", ".join(choice for choice in hit.components if choice in chosen)
        if hit.kind == "paper":
            lines.append(f"- {hit.title} ({hit.id}) bears on {fitting}.")
        else:
            lines.append(f"- Finding of {', '.join(hit.evidence)}: {hit.text}")
    lines += [f"- {told(one)}" for one in gains] + [f"- {told_effect(one)}" for one in certain]
    if not hits and not gains and not certain:
        lines.append("- None yet: this change explores.")
    return "\n".join(lines)
