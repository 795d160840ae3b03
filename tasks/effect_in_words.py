"""What a knock-out says, in a sentence that claims no more than its interval does."""

from collections.abc import Mapping

from evaluation import ComponentEffect, Effect


def sentence(found: ComponentEffect, design: str, label: str, titles: Mapping[str, str]) -> str:
    """The effect of a component on a design, for a finding.

    Args:
        found: the effect.
        design: the design's name.
        label: what the component is called.
        titles: objective -> what people call it.
    """
    runs = "one run each" if found.seeds == 1 else f"{found.seeds} paired seeds"
    amount = f"{interval(found.fitness)}, {runs} at equal parameters"
    if not found.fitness.seen:
        told = f"No effect of {label} on the fitness of {design} could be seen: {amount}."
    elif found.fitness.difference > 0:
        told = f"{label} helps {design}: in fitness it is worth {amount}."
    else:
        told = f"{label} harms {design}: in fitness it is worth {amount}."
    clear = {name: one for name, one in found.objectives.items() if one.seen}
    if not clear:
        return told
    parts = [f"{titles.get(name, name).lower()} {interval(one)}" for name, one in clear.items()]
    return f"{told} Of {len(found.objectives)} objectives, clear by themselves: {'; '.join(parts)}."


def interval(one: Effect) -> str:
    """A difference with its interval."""
    if one.low is None or one.high is None:
        return f"{one.difference:+.2f} (no interval: nothing tells how much trainings differ)"
    return f"{one.difference:+.2f} (95% interval {one.low:+.2f} to {one.high:+.2f})"
