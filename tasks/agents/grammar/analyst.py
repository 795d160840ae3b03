"""The grammar's Analyst: compares a design with its parent against the noise, and says what later cycles should use."""

from tasks.agents.grammar.ancestors import design_of, first_known
from tasks.agents.grammar.evidence import shrunk, told
from tasks.agents.grammar.evolve import difference
from tasks.agents.protocols import Analysis, Lesson, Outcome, Peer

CLEAR = 2.0  # a difference of this many standard errors is called clear
FEWEST_PARENTS = 3  # before a gain over the campaign is worth a sentence
FAILURE_EFFECT = -0.5  # how strongly a failed design speaks against its changes
MOST_ABLATIONS = 2
FEWEST_RANKED = 10  # designs, before there is a best tenth


class GrammarAnalyst:
    """Reads numbers only; every lesson names the experiments behind it."""

    def analyze(self, outcome: Outcome) -> Analysis:
        design = outcome.design
        parent = first_known(outcome.parents)
        changes = _changes(design, parent)
        if design.failure:
            return _failure(design, parent, changes)
        lines = [_standing(outcome)]
        lessons = []
        if parent is not None and changes:
            lesson = _against_parent(outcome, parent, changes)
            lessons.append(lesson)
            lines.append(lesson.text)
        population = _population_lesson(outcome)
        if population is not None:
            lessons.append(population)
            lines.append(population.text)
        asked = tuple(slot for slot in changes if slot in outcome.knock_outs)[:MOST_ABLATIONS]
        return Analysis(
            text="\n\n".join(lines), lessons=tuple(lessons), ablations=asked if _worth(outcome, parent) else ()
        )


def _changes(design: Peer, parent: Peer | None) -> dict[str, tuple[str, str]]:
    now, before = design_of(design), design_of(parent) if parent is not None else None
    return difference(before, now) if now and before else {}


def _failure(design: Peer, parent: Peer | None, changes: dict[str, tuple[str, str]]) -> Analysis:
    against = f" against its parent {parent.name}" if parent is not None else ""
    told = _told(changes)
    text = f"{design.name} failed: {design.failure}" + (f" It changed {told}{against}." if told else "")
    lesson = Lesson(
        text=text, evidence=(design.id,), components=_new_choices(changes), effect=FAILURE_EFFECT if changes else 0.0
    )
    return Analysis(text=text, lessons=(lesson,))


def _standing(outcome: Outcome) -> str:
    design = outcome.design
    parts = [
        f"{outcome.objective_titles.get(name, name).lower()} {gain:+.2f} (noise {outcome.noise.get(name, 0.0):.2f})"
        for name, gain in design.gains.items()
    ]
    return f"{design.name} has fitness {design.fitness or 0.0:+.2f} over the reference: {', '.join(parts)}."


def _against_parent(outcome: Outcome, parent: Peer, changes: dict[str, tuple[str, str]]) -> Lesson:
    design = outcome.design
    moved = {name: design.gains[name] - parent.gains[name] for name in design.gains if name in parent.gains}
    words = []
    for name, change in sorted(moved.items(), key=lambda one: -abs(one[1])):
        error = outcome.noise.get(name, 0.0) * 2**0.5  # both sides are single measurements
        clear = "clearly" if abs(change) > CLEAR * error else "within noise"
        words.append(f"{outcome.objective_titles.get(name, name).lower()} {change:+.2f} ({clear})")
    effect = (design.fitness or 0.0) - (parent.fitness or 0.0)
    return Lesson(
        text=f"Changing {_told(changes)} on {parent.name} moved fitness by {effect:+.2f}: {', '.join(words)}.",
        evidence=(design.id, parent.id),
        components=_new_choices(changes),
        effect=effect,
        objective=max(moved, key=lambda name: abs(moved[name]), default=""),
    )


def _population_lesson(outcome: Outcome) -> Lesson | None:
    """What the campaign says of a choice that this design took up or gave up: of the one that matters most."""
    backed = [one for one in outcome.gains if one.families >= FEWEST_PARENTS and outcome.design.id in one.steps]
    if not backed:
        return None
    best = max(backed, key=lambda one: abs(shrunk(one)))
    return Lesson(text=told(best), evidence=best.steps, components=(best.choice,), effect=shrunk(best))


def _worth(outcome: Outcome, parent: Peer | None) -> bool:
    """Whether a design is good enough to ask why: in the best tenth of the campaign, or clearly above its parent."""
    mine = outcome.design.fitness
    if mine is None:
        return False
    others = [one for one in outcome.population if one.kind == "candidate" and one.id != outcome.design.id]
    ranked = [one.fitness for one in others if one.fitness is not None]
    above = sum(one > mine for one in ranked)
    if len(ranked) + 1 >= FEWEST_RANKED and 10 * above < len(ranked) + 1:
        return True
    if parent is None or parent.fitness is None or not outcome.noise:
        return False
    error = sum(one**2 for one in outcome.noise.values()) ** 0.5 / len(outcome.noise) * 2**0.5  # as if independent
    return bool(mine - parent.fitness > CLEAR * error)


def _told(changes: dict[str, tuple[str, str]]) -> str:
    return ", ".join(f"{slot} from {old} to {new}" for slot, (old, new) in changes.items())


def _new_choices(changes: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{slot}={new}" for slot, (_, new) in changes.items())
