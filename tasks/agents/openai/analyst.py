"""The Analyst on a model: what it is shown of a result, and which of its claims are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from archdb import get_experiment, get_text
from tasks.agents.desk import Desk
from tasks.agents.openai import sections
from tasks.agents.openai.brief import objectives_of
from tasks.agents.openai.prompting import prompt
from tasks.agents.openai.quoting import cut, one_line
from tasks.agents.openai.shapes import Claim, Reading, word
from tasks.agents.protocols import Analysis, Lesson, Outcome, Peer
from tasks.models import NoAnswer, Prompt

MOST_LESSONS = 4
MOST_EFFECT = 5.0  # units of fitness that a lesson may claim: it steers later proposals
PROPOSAL = 6000  # tokens of the proposal
CLEAR = 2.0  # standard errors
MOST_NAMED = 8  # knock-outs that do not exist


@dataclass(frozen=True)
class ModelAnalyst:
    """Asks about designs that somebody proposed; of others the numbers say all."""

    desk: Desk

    def analyze(self, outcome: Outcome) -> Analysis:
        standing = sections.line(outcome.design)
        if outcome.design.kind == "baseline" or not outcome.design.source:
            return Analysis(text=standing)  # nobody's idea, or nothing was written: not worth a call
        asked, shown = self._prompt(outcome)
        try:
            reading = self.desk.ask("analyst", 0, asked, Reading)
        except NoAnswer as none:
            return Analysis(text=f"{standing}\n\nThe Analyst gave no answer: {none}")
        return analysis_of(reading, outcome, shown)

    def _prompt(self, outcome: Outcome) -> tuple[Prompt, frozenset[str]]:
        """The prompt, and the ids of the designs that it shows."""
        design, parents, population = outcome.design, outcome.parents, outcome.population
        others = [one for one in population if one.id != design.id]
        results = sections.results(parents, others)
        siblings = sections.siblings(parents[0] if parents else None, others, [design.id, *(one.id for one in parents)])
        effects = sections.component_effects(outcome.gains)
        asked = prompt(
            "analyst.md",
            design=sections.line(design),
            proposal=cut(_proposal(self.desk), PROPOSAL),
            objectives=sections.objectives(objectives_of(self.desk.campaign), outcome.noise),
            results=results.text,
            differences=differences(outcome),
            siblings=siblings.text,
            effects=effects.text,
            sources=sections.sources([design, *parents[:1]], others=12_000),
            most_lessons=MOST_LESSONS,
            knock_outs="\n".join(f"- `{one_line(name, 80)}`" for name in outcome.knock_outs),
            most_ablations=outcome.most_ablations,
        )
        known = {one.id for one in population} | {design.id} | {one.id for one in parents}
        return asked, frozenset(known.intersection((design.id, *results.ids, *siblings.ids, *effects.ids)))


def _proposal(desk: Desk) -> str:
    """Why the design was proposed and what was expected of it; empty where nobody proposed it."""
    motivation = get_experiment(desk.store, desk.experiment_id).motivation
    return get_text(desk.store, motivation) if motivation else ""


def differences(outcome: Outcome) -> str:
    """The design against its first parent, objective by objective, with what the noise allows to say."""
    parent = outcome.parents[0] if outcome.parents else None
    if parent is None or not outcome.design.gains or not parent.gains:
        return ""
    lines = []
    for name, gain in outcome.design.gains.items():
        if name in parent.gains:
            error = outcome.noise.get(name, 0.0) * 2**0.5  # both are single measurements
            change = gain - parent.gains[name]
            clear = "clear" if abs(change) > CLEAR * error else "within the noise"
            lines.append(f"{name} {change:+.2f} (standard error {error:.2f}: {clear})")
    return "\n".join(lines)


def analysis_of(reading: Reading, outcome: Outcome, shown: frozenset[str]) -> Analysis:
    """What is kept of an answer: lessons whose evidence was shown, in words that mean something here."""
    backed = [one for one in reading.lessons if one.evidence and shown.issuperset(one.evidence)]
    words = _words([outcome.design, *outcome.parents, *outcome.population]) | {one.choice for one in outcome.gains}
    lessons = tuple(_lesson(one, words, outcome) for one in backed[:MOST_LESSONS])
    text = [reading.text]
    names = {word(one): one for one in reversed(outcome.knock_outs)}
    asked = [one for one in dict.fromkeys(map(word, reading.ablations)) if one]
    ablations = tuple(names[one] for one in asked if one in names)
    unknown = [one for one in asked if one not in names]
    if unknown:
        text.append(f"Ablations that cannot be run here: {', '.join(unknown[:MOST_NAMED])}.")
    dropped = len(reading.lessons) - len(lessons)
    if dropped:
        text.append(
            f"{dropped} lesson{'s were' if dropped > 1 else ' was'} left out: of each, the evidence is missing or was "
            f"never shown, or it is one too many."
        )
    return Analysis(text="\n\n".join(text), lessons=lessons, ablations=ablations)


def _lesson(one: Claim, words: frozenset[str] | set[str], outcome: Outcome) -> Lesson:
    return Lesson(
        text=one_line(one.text, 1000),
        evidence=tuple(dict.fromkeys(one.evidence)),
        components=tuple(choice for choice in dict.fromkeys(one.components) if choice in words),
        effect=max(-MOST_EFFECT, min(MOST_EFFECT, one.effect)),
        objective=one.objective if one.objective in outcome.objective_titles else "",
    )


def _words(peers: Sequence[Peer]) -> set[str]:
    return {f"{slot}={choice}" for one in peers for slot, choice in one.components.items()}
