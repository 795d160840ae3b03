"""What a role is shown of a campaign: each section a plain function of records, in text that fits a budget.

Budgets are in tokens, counted from above as everywhere (a byte is one). A section also says which ids it shows: only
those may be named as evidence.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from archdb.cognition import Entry, Hit, essence
from evaluation import Objective
from tasks.agents.openai.quoting import cut, one_line
from tasks.agents.protocols import CertainEffect, ComponentGain, Peer, Repeated
from tasks.calibration import Bin, Calibration
from tasks.models.prompt import most_tokens

MESSAGE = 400  # tokens of a failure's message
PER_KIND = 2  # failures of one kind that are told: the next ones teach little
PARTS = ("first parent", *["other parent"] * 9)
STEPS = 6  # designs named behind a component's gain
PRIOR = 2.0  # families without a gain, as if they had been seen, when gains are put in order
NOTE = 40  # tokens for the line that says what is left out


class Shown(NamedTuple):
    """A section's text, and the ids that it shows."""

    text: str
    ids: tuple[str, ...] = ()


class Item(NamedTuple):
    """A piece of a section that is shown whole or not at all."""

    text: str
    ids: tuple[str, ...] = ()


def fill(items: Iterable[Item], budget: int) -> Shown:
    """The items in order, as long as they fit, and how many do not. The first one is cut if it must be."""
    told: list[str] = []
    ids: list[str] = []
    left = budget - NOTE
    waiting = list(items)
    while waiting:
        one = Item(cut(waiting[0].text, left), waiting[0].ids) if not told else waiting[0]
        left -= most_tokens(one.text) + 1
        if left < 0 and told:
            break
        told.append(one.text)
        ids += one.ids
        waiting.pop(0)
    if waiting:
        told.append(f"[{len(waiting)} more left out]")
    return Shown("\n".join(told) or "None so far.", tuple(dict.fromkeys(ids)))


def line(one: Peer) -> str:
    """A design's result in one line."""
    parts = [f"{one.id}: {one_line(one.name, 80)} ({one.kind})"]
    if one.fitness is not None:
        parts.append(f"fitness {one.fitness:+z.2f}")
    if one.gains:
        parts.append("gains " + ", ".join(_gain(one, name) for name in one.gains))
    if one.failure:
        parts.append(f"failed ({one.failure_kind}) in {one_line(one.failure, MESSAGE)}")
    if one.components:
        parts.append("components " + ", ".join(f"{slot}={choice}" for slot, choice in one.components.items()))
    return "; ".join(parts)


def _gain(one: Peer, name: str) -> str:
    value = f" ({one.objectives[name]:.4g})" if name in one.objectives else ""
    return f"{name} {one.gains[name]:+z.2f}{value}"


def results(parents: Sequence[Peer], population: Sequence[Peer], budget: int = 5000) -> Shown:
    """The parents against the baselines, which come best first."""
    known = {one.id for one in parents}
    baselines = [one for one in population if one.kind == "baseline" and one.id not in known]
    told = [Item(f"{part}: {line(one)}", (one.id,)) for part, one in zip(PARTS, parents, strict=False)]
    return fill(told + [Item(line(one), (one.id,)) for one in _best_first(baselines)], budget)


def siblings(parent: Peer | None, population: Sequence[Peer], besides: Iterable[str] = (), budget: int = 4000) -> Shown:
    """The strongest designs that improve the same parent, then the strongest others."""
    seen = {*besides, parent.id} if parent else {*besides}
    able = [one for one in population if one.kind != "baseline" and one.fitness is not None and one.id not in seen]
    same = [one for one in able if parent is not None and parent.id in one.parents[:1]]
    others = [one for one in able if one not in same]
    told = [Item(f"same parent: {line(one)}", (one.id,)) for one in _best_first(same)]
    return fill(told + [Item(line(one), (one.id,)) for one in _best_first(others)], budget)


def failures(population: Sequence[Peer], budget: int = 4000) -> Shown:
    """The latest designs that failed, a few of each kind. A population is in the order of its cycles."""
    counts: dict[str, int] = {}
    told = []
    for one in reversed([one for one in population if one.failure]):
        counts[one.failure_kind] = counts.get(one.failure_kind, 0) + 1
        if counts[one.failure_kind] <= PER_KIND:
            told.append(Item(line(one), (one.id,)))
    return fill(told, budget)


def component_effects(gains: Sequence[ComponentGain], budget: int = 3000) -> Shown:
    """What choices have gained, those with the largest and best backed gains first.

    Those without an interval are left out: what the children of one parent gained is as much its gain as the choice's.
    """
    known = [one for one in gains if one.low is not None]
    weight = {one.choice: abs(one.gain) * one.families / (one.families + PRIOR) for one in known}
    ordered = sorted(known, key=lambda one: (-weight[one.choice], one.choice))
    return fill((Item(_effect(one), (one.choice, *one.steps[:STEPS])) for one in ordered), budget)


def certain_effects(effects: Sequence[CertainEffect], budget: int = 1500) -> Shown:
    """What is certain of choices and pairs, the largest effects first; empty where nothing is."""
    return fill((Item(_certain(one), one.choices) for one in effects), budget) if effects else Shown("")


def repeated(found: Repeated | None, budget: int = 5000) -> list[tuple[str, str]]:
    """The first proposal and the earlier design that it repeats, each under a label; nothing where none does."""
    if found is None:
        return []
    same = "makes the same choices on the same parent" if found.ground == "components" else "was argued for alike"
    mine, share = found.proposal, budget // 2
    return [
        ("your first proposal", cut(f"{mine.name}\n{mine.mechanism or mine.motivation}", share)),
        (f"design {found.of.id}, which {same}", cut(f"{line(found.of)}\n{found.motivation}", share)),
    ]


def foresight(found: Calibration | None, budget: int = 600) -> str:
    """How the Researcher's predictions have fared; empty where there are too few to say."""
    if found is None or found.scores is None or not found.enough:
        return ""
    right, clear = found.scores.right, found.clear
    told = [
        f"Your predictions so far: of {right.of}, {right.count} have the right sign ({right.share:.0%}, 95% interval "
        f"{right.low:.0%} to {right.high:.0%}), at a mean confidence of {found.scores.confidence:.2f}; gains went "
        f"up in {found.scores.base_rate:.0%}. {found.verdict}"
    ]
    if clear is not None:
        told.append(f"Of the {clear.right.of} where more than noise was measured, {clear.right.count} are right.")
    told.append(f"By confidence: {'; '.join(_share(one) for one in found.bins)}.")
    return cut("\n".join(told), budget)


def _share(one: Bin) -> str:
    return f"{one.low:g} to {one.high:g}, {one.right.count} of {one.right.of} right"


def literature(hits: Sequence[Hit], entries: Sequence[Entry], budget: int = 24_000) -> list[tuple[str, str]]:
    """For each hit a label, and what its entry says; what one leaves of its share of the budget is the next ones'."""
    known = {one.id: one for one in entries}
    told, left = [], budget
    for place, one in enumerate(hits):
        text = cut(_told(one, known.get(one.id)), left // (len(hits) - place))
        left -= most_tokens(text)
        told.append((f"{one.kind} {one.id}", text))
    return told


def sources(parents: Sequence[Peer], first: int = 20_000, others: int = 6000) -> list[tuple[str, str]]:
    """The parents' code, each under a label: of the first one, that is to be improved, more than of the others."""
    budgets = [first] + [others] * len(parents)
    return [
        (f"code of {one.id}", cut(one.source, budget))
        for one, budget in zip(parents, budgets, strict=False)
        if one.source
    ]


def objectives(known: Mapping[str, Objective], noise: Mapping[str, float] | None = None) -> str:
    """The objectives by name: what each asks, what it is measured in, and how noisy its gains are."""
    noisy = {name: f"; noise of a gain {noise[name]:.2f}" for name in known if noise and name in noise}
    return "\n".join(
        f"- `{name}`: {one.title} ({one.unit}, {one.better} is better{noisy.get(name, '')}). {one.asks}".rstrip()
        for name, one in known.items()
    )


def _effect(one: ComponentGain) -> str:
    steps = ", ".join(one.steps[:STEPS]) + (", ..." if len(one.steps) > STEPS else "")
    span = f"95% interval {one.low:+.2f} to {one.high:+.2f}"
    return f"{one.choice}: {one.gain:+.2f} fitness ({span}; {one.families} parents; {steps})"


def _certain(one: CertainEffect) -> str:
    span = f"{one.low:+.2f} to {one.high:+.2f}; {one.families} parents"
    return f"{' with '.join(one.choices)}: {one.effect:+.2f} in {one.objective} ({span})"


def _told(one: Hit, entry: Entry | None) -> str:
    about = [one_line(one.title, 200)] if one.title and one.kind == "paper" else []
    if one.components:
        about.append(f"components: {', '.join(one.components)}")
    if one.evidence:
        about.append(f"evidence: {', '.join(one.evidence)}; effect {one.effect:+.2f}")
    return "\n".join([*about, one.text if entry is None else essence(entry)])


def _best_first(peers: Iterable[Peer]) -> list[Peer]:
    return sorted(peers, key=lambda one: (-(one.fitness if one.fitness is not None else -1e9), one.id))
