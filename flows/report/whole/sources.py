"""What the Researcher read, and what became of the designs that rest on it."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from flows.report.contents import Design, Evidence, Link
from flows.report.whole.contents import Source

PRIOR = 2  # designs that changed nothing, as if they had been seen, when sources are put in order


def sources_of(designs: Sequence[Design]) -> tuple[Source, ...]:
    """The papers and findings that any design was shown: used ones first, those with the best steps before others."""
    known = {one.id: one for one in designs}
    shown: dict[str, list[tuple[Design, Evidence]]] = defaultdict(list)
    for one in designs:
        for piece in one.evidence:
            if piece.kind in ("paper", "finding"):
                shown[piece.id].append((one, piece))
    found = [_source(pieces, known) for pieces in shown.values()]
    return tuple(sorted(found, key=lambda one: (not one.used, -_standing(one), -one.used, -one.shown, one.id)))


def _standing(one: Source) -> float:
    return (one.step or 0.0) * one.steps / (one.steps + PRIOR)


def _source(pieces: list[tuple[Design, Evidence]], known: dict[str, Design]) -> Source:
    _, first = pieces[0]
    scored = [design for design, piece in pieces if piece.used and design.fitness is not None]
    best = max(scored, key=lambda one: (one.fitness or 0.0, one.id), default=None)
    steps = [step for one in scored if (step := _step(one, known)) is not None]
    return Source.model_validate(
        {
            "id": first.id,
            "kind": first.kind,
            "link": first.link,
            "shown": len(pieces),
            "used": sum(piece.used for _, piece in pieces),
            "scored": len(scored),
            "steps": len(steps),
            "step": fmean(steps) if steps else None,
            "mean": fmean(one.fitness or 0.0 for one in scored) if scored else None,
            "best": best.fitness if best else None,
            "best_design": Link(text=best.name, href=f"#{best.anchor}") if best else None,
        }
    )


def _step(one: Design, known: dict[str, Design]) -> float | None:
    parent = known.get(one.parent or "")
    if parent is None or parent.fitness is None or one.fitness is None:
        return None
    return one.fitness - parent.fitness
