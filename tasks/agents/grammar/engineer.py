"""The grammar's Engineer: composes the proposed choices into a file, and eases them when the checks reject it."""

from collections.abc import Mapping, Sequence

from tasks.agents.grammar.ancestors import design_of, first_known
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.evolve import difference
from tasks.agents.grammar.knock_outs import knock_outs
from tasks.agents.grammar.near import repair
from tasks.agents.grammar.reading import read_design
from tasks.agents.grammar.space import Design, canonical
from tasks.agents.protocols import Complaint, Draft, Peer, Proposal


class GrammarEngineer:
    """Writes code from typed choices; never touches anything but the design's own file."""

    def components(self, given: Peer) -> dict[str, str]:
        design = design_of(given)
        return design.choices if design is not None else {}

    def write(self, proposal: Proposal, parents: Sequence[Peer]) -> Draft:
        design = canonical(Design.model_validate(proposal.components))
        return _draft(design, proposal, parents, "composed as proposed")

    def repair(self, proposal: Proposal, complaint: Complaint, parents: Sequence[Peer]) -> Draft | None:
        rejected = read_design(complaint.source)
        if rejected is None:
            return None
        base = first_known(parents)
        eased = repair(rejected, complaint.kind, design_of(base) if base else None)
        if eased is None:
            return None
        changes = ", ".join(f"{slot} {old} -> {new}" for slot, (old, new) in difference(rejected, eased).items())
        return _draft(eased, proposal, parents, f"after {complaint.kind}: {changes}")

    def knock_outs(self, design: Peer) -> Mapping[str, Draft]:
        return knock_outs(design)


def _draft(design: Design, proposal: Proposal, parents: Sequence[Peer], note: str) -> Draft:
    source = compose(design, proposal.name, _origin(design, parents))
    return Draft(source=source, note=note, components=design.choices)


def _origin(design: Design, parents: Sequence[Peer]) -> str:
    """Where the design comes from, for the file's docstring."""
    parent = first_known(parents)
    base = design_of(parent) if parent else None
    if parent is None or base is None:
        return "Drawn at random from the grammar."
    changes = ", ".join(f"{slot} {new} instead of {old}" for slot, (old, new) in difference(base, design).items())
    return f"From {parent.name} ({parent.id}): {changes}."
