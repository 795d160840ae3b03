"""The Researcher on a model: what it is shown, and the proposal that its answer becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

from archdb.cognition import Hit, find_entries
from tasks.agents.desk import Desk
from tasks.agents.openai import sections
from tasks.agents.openai.brief import brief, objectives_of
from tasks.agents.openai.prompting import prompt
from tasks.agents.openai.quoting import one_line
from tasks.agents.openai.shapes import EQUATION, Idea, word
from tasks.agents.protocols import Peer, Prediction, Proposal, Question, Repeated, Retrieve
from tasks.agents.weakness import complaint, weakest_objective
from tasks.models import Prompt

MOST_COMPONENTS, MOST_USED = 24, 40
TOLD = 5  # ids that were never shown, as the motivation names them


@dataclass(frozen=True)
class ModelResearcher:
    """Looks the parent's weakness up, shows what is known, and asks; once more where the answer repeats a design."""

    desk: Desk

    def propose(self, question: Question, retrieve: Retrieve) -> Proposal:
        return self._propose(question, retrieve, 0)

    def propose_again(self, question: Question, retrieve: Retrieve, repeated: Repeated) -> Proposal | None:
        """What the model says when it is told of the repetition."""
        return self._propose(question, retrieve, 1, repeated)

    def _propose(self, question: Question, retrieve: Retrieve, call: int, repeated: Repeated | None = None) -> Proposal:
        parent = question.parents[0] if question.parents else None
        weakness = weakest_objective(parent, question)
        query = f"{complaint(weakness, question)}. {_words_of(parent)}".strip()
        hits = list(retrieve(query))
        asked, shown = self._prompt(question, weakness, hits, repeated)
        return proposal_of(self.desk.ask("researcher", call, asked, Idea), question, query, hits, shown)

    def _prompt(
        self, question: Question, weakness: str, hits: Sequence[Hit], repeated: Repeated | None
    ) -> tuple[Prompt, frozenset[str]]:
        """The prompt, and the ids that it shows."""
        parents, population = question.parents, question.population
        results = sections.results(parents, population)
        siblings = sections.siblings(parents[0] if parents else None, population, [one.id for one in parents])
        failures, effects = sections.failures(population), sections.component_effects(question.gains)
        certain = sections.certain_effects(question.effects)
        filled = {
            "cycle": question.cycle,
            "equation": EQUATION,
            "parent": one_line(f"{parents[0].name} ({parents[0].id})", 120) if parents else "",
            "objectives": sections.objectives(objectives_of(self.desk.campaign)),
            "weakness": weakness,
            "results": results.text,
            "sources": sections.sources(parents),
            "siblings": siblings.text,
            "failures": failures.text,
            "effects": effects.text,
            "certain": certain.text,
            "foresight": sections.foresight(question.foresight),
            "repeated": sections.repeated(repeated),
            "literature": sections.literature(hits, find_entries(self.desk.store, [one.id for one in hits])),
        }
        found = [one.id for one in hits] + [backing for one in hits for backing in one.evidence]
        found += [repeated.of.id] if repeated else []
        ids = frozenset((*results.ids, *siblings.ids, *failures.ids, *effects.ids, *certain.ids, *found))
        return prompt("researcher.md", **filled, **brief(self.desk.campaign, parents, population)), ids


def proposal_of(idea: Idea, question: Question, query: str, hits: Sequence[Hit], shown: frozenset[str]) -> Proposal:
    """The proposal that an answer is, without what it had no right to name."""
    parent = question.parents[0] if question.parents else None
    touched = {word(one.slot): word(one.choice) for one in idea.components[:MOST_COMPONENTS]}
    touched = {slot: choice for slot, choice in touched.items() if slot and choice}
    named = list(dict.fromkeys(idea.used))
    used = tuple(one for one in named if one in shown)[:MOST_USED]
    predictions = {
        one.objective: Prediction(objective=one.objective, change=one.change, confidence=one.confidence)
        for one in idea.predictions
        if one.objective in question.objective_titles
    }
    proposal = Proposal(
        name=idea.name,
        motivation="",
        parents=tuple(one.id for one in question.parents),
        components={**(parent.components if parent else {}), **touched},
        plan={"changes": idea.changes},
        query=query,
        retrieved=tuple(hit.id for hit in hits),
        used=used,
        mechanism=idea.mechanism,
        predictions=tuple(predictions.values()),
    )
    unknown = [one for one in named if one not in shown]
    return proposal.model_copy(update={"motivation": _motivation(idea, parent, touched, proposal, unknown)})


def _motivation(
    idea: Idea, parent: Peer | None, touched: dict[str, str], proposal: Proposal, unknown: Sequence[str]
) -> str:
    """Markdown for people and for the Engineer: all of the proposal in one text."""
    lines = [f"**Parent** {parent.name} ({parent.id}).\n"] if parent else []
    lines += [idea.motivation, f"\n**Mechanism**\n\n{idea.mechanism}", f"\n**Change**\n\n{idea.changes}\n"]
    lines += [f"- {slot}: {choice}" for slot, choice in touched.items()]
    lines.append("\n**Evidence**\n")
    lines += [f"- {one}" for one in proposal.used] or ["- None was named: this change explores."]
    if unknown:
        told = ", ".join(one_line(one, 60) for one in unknown[:TOLD])
        lines.append(f"- Left out, since nothing of that name was shown: {told}.")
    if proposal.predictions:
        lines.append("\n**Predictions**\n")
        lines += [
            f"- {one.objective}: {one.change:+.2f} against the parent (confidence {one.confidence:.2f})"
            for one in proposal.predictions
        ]
    return "\n".join(lines)


def _words_of(parent: Peer | None) -> str:
    """A parent as its components say what it is."""
    if parent is None:
        return ""
    words = ", ".join(f"{slot} {choice}" for slot, choice in parent.components.items() if choice != "none")
    return f"{parent.name}: {words.replace('_', ' ')}" if words else parent.name
