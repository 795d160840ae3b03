"""What the page's script knows of every design: columns for the tree, the search and the sorting."""

from collections.abc import Sequence

from flows.report.contents import Contents, Design, Part
from flows.report.imported import ImportedContents, Published
from flows.report.packed import CHUNK, ROWS
from flows.report.tree import lay_out

MOST_SIGNS = 4000  # of a motivation that can be searched
DIGITS = 5  # of a number that only colours and sorts


class Measure(Part):
    """One number of every design, that the tree can be coloured by and the leaderboard sorted by."""

    key: str
    title: str
    centred: bool  # a gain: the reference stands at 0, and positive is better
    places: int
    values: tuple[float | None, ...]


def columns(contents: Contents) -> dict[str, object]:
    """Columns in the order of the designs; ``order`` and ``ranking`` hold places in that order."""
    return _columns(contents.designs, contents.ranking, _measures(contents))


def searched(designs: Sequence[Design]) -> dict[str, list[str]]:
    """What is looked through besides ids and names: components as slot=choice, and motivations, each on one line."""
    return {
        "components": [" ".join(f"{slot.name}={slot.choice}" for slot in one.slots) for one in designs],
        "motivation": [" ".join(one.motivation.split())[:MOST_SIGNS] for one in designs],
    }


def imported_columns(contents: ImportedContents) -> dict[str, object]:
    """The same of an imported campaign. It has scores, which are not ours, and a number in place of a cycle."""
    designs = [as_design(one) for one in contents.designs]
    ranks = {one.id: place for place, one in enumerate(contents.ranking)}
    ranking = sorted((one for one in designs if one.id in ranks), key=lambda one: ranks[one.id])
    measures = [
        _measure("score", "ASI-Arch score", [one.score for one in contents.designs], 3),
        _measure("cycle", "Number in the search", [one.number for one in contents.designs], 0),
        _measure("parameters", "Parameters", [one.parameters for one in contents.designs], 0),
        _measure("accuracy", "Mean accuracy", [one.benchmarks.get("average") for one in contents.designs], 4),
    ]
    return _columns(designs, ranking, measures)


def as_design(one: Published) -> Design:
    """An imported design as one of ours, for what draws both. Its score is no fitness, and none is set."""
    return Design(
        id=one.id, anchor=one.anchor, name=one.name, kind="imported", state="done", reference=False, quadratic=False,
        cycle=None, rank=one.rank, parent=one.parent, parameters=one.parameters, motivation=one.motivation,
    )  # fmt: skip


def _columns(designs: Sequence[Design], ranking: Sequence[Design], measures: Sequence[Measure]) -> dict[str, object]:
    place = {one.id: number for number, one in enumerate(designs)}
    return {
        "anchor": [one.anchor for one in designs],
        "id": [one.id for one in designs],
        "name": [one.name for one in designs],
        "kind": [one.kind for one in designs],
        "mark": [_mark(one) for one in designs],
        "reference": next((number for number, one in enumerate(designs) if one.reference), -1),
        "rank": [one.rank for one in designs],
        "parent": [place.get(one.parent or "", -1) for one in designs],
        "order": [place[node.design.id] for node in lay_out(designs)],
        "ranking": [place[one.id] for one in ranking],
        "inside": {part.anchor: place[one.id] for one in designs for part in one.ablations},
        "measures": [one.model_dump() for one in measures],
        "chunk": CHUNK,
        "rows": ROWS,
    }


def _mark(design: Design) -> str:
    """How a design is drawn: plain where it has nothing to say."""
    if design.kind == "imported":
        return "" if design.rank else "no score"
    if design.failure is not None:
        return f"failed: {design.failure.kind.replace('_', ' ')} in {design.failure.stage}"
    if design.fitness is None:
        return f"unfinished {design.now}".strip()
    return "quadratic" if design.quadratic else ""


def _measures(contents: Contents) -> list[Measure]:
    designs = contents.designs
    found = [_measure("fitness", "Fitness", [one.fitness for one in designs], contents.fitness_places, centred=True)]
    for y in contents.yardsticks:
        scores = [one.scores.get(y.name) for one in designs]
        gains = [score.normalised if score else None for score in scores]
        found.append(_measure(f"gain {y.name}", f"Gain in {y.title}", gains, 2, centred=True))
    found.append(_measure("parameters", "Parameters", [one.parameters for one in designs], 0))
    found.append(_measure("cpu_seconds", "CPU-seconds", [one.cpu_seconds for one in designs], 1))
    found.append(_measure("cycle", "Cycle", [one.cycle for one in designs], 0))
    return found


def _measure(key: str, title: str, values: Sequence[float | None], places: int, centred: bool = False) -> Measure:
    kept = tuple(None if value is None else round(value, DIGITS) for value in values)
    return Measure(key=key, title=title, centred=centred, places=places, values=kept)
